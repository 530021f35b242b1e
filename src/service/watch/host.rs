//! What the machine says of the process.

use std::net::SocketAddr;
use std::path::Path;

/// How much room the disk of the data has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) struct Disk {
    /// Bytes that this process may still write.
    pub(in crate::service) free: u64,
    /// All of it.
    pub(in crate::service) total: u64,
}

/// The disk under a folder.
pub(super) fn disk(folder: &Path) -> Option<Disk> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(Disk {
        free: disk.f_bavail.saturating_mul(disk.f_frsize),
        total: disk.f_blocks.saturating_mul(disk.f_frsize),
    })
}

/// Memory that the process has in use.
pub(super) fn memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// Files and sockets that the process has open.
pub(super) fn open_files() -> Option<u64> {
    let entries = std::fs::read_dir("/proc/self/fd").ok()?;
    u64::try_from(entries.count()).ok()
}

/// Datagrams that the kernel dropped because the socket on this address was full.
pub(super) fn udp_dropped(address: SocketAddr) -> Option<u64> {
    let table = if address.is_ipv4() {
        "/proc/self/net/udp"
    } else {
        "/proc/self/net/udp6"
    };
    dropped(&std::fs::read_to_string(table).ok()?, address.port())
}

/// The last column of the kernel's table, of the socket on this port.
fn dropped(table: &str, port: u16) -> Option<u64> {
    let port = format!("{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let mut words = line.split_whitespace();
        let (_, local) = words.nth(1)?.rsplit_once(':')?;
        if local == port {
            words.last()?.parse().ok()
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_has_memory_files_and_a_disk() {
        assert!(memory_bytes().unwrap() > 1024 * 1024);
        assert!(open_files().unwrap() > 2);
        let disk = disk(Path::new("/")).unwrap();
        assert!(0 < disk.total && disk.free <= disk.total);
    }

    #[test]
    fn the_drops_of_a_socket_are_in_the_last_column() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
                     120: 0100007F:1589 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 77 2 0 41\n\
                     121: 0100007F:158A 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 78 2 0 0\n";
        assert_eq!(dropped(table, 0x1589), Some(41));
        assert_eq!(dropped(table, 0x158A), Some(0));
        assert_eq!(dropped(table, 1), None);
    }

    #[test]
    fn a_socket_of_ours_is_in_the_table() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(udp_dropped(socket.local_addr().unwrap()), Some(0));
    }
}
