//! The bounds of the doors and of the spool.

use sekisho_model::bounds::{Bound, size};

use crate::{file, forward, http, lines, lumberjack, packing, spool, syslog, tcp};

/// What a sender can reach.
pub const BOUNDS: &[Bound] = &[
    Bound::bytes("a body over HTTP, as it is sent", size(http::WIRE_BYTES_MAX), "413"),
    Bound::bytes("a body over HTTP, unpacked", size(http::BODY_BYTES_MAX), "413"),
    Bound::count(
        "how many times its size a body unpacks to",
        size(packing::RATIO_MAX),
        "400",
    ),
    Bound::bytes("the window of a zstd frame", 1 << packing::ZSTD_WINDOW_LOG_MAX, "400"),
    Bound::count("records in a body", size(http::RECORDS_MAX), "413"),
    Bound::bytes(
        "bodies in hand",
        size(http::BODIES_BYTES_MAX),
        "429 after a second; come again",
    ),
    Bound::bytes("a record", size(lines::RECORD_BYTES_MAX), "cut"),
    Bound::bytes(
        "a syslog message",
        size(syslog::MESSAGE_BYTES_MAX),
        "cut; over TCP with a count, the connection ends",
    ),
    Bound::count(
        "connections of a TCP door",
        size(tcp::CONNECTIONS_MAX),
        "the next one waits",
    ),
    Bound::count(
        "connections of one address",
        size(tcp::ADDRESS_CONNECTIONS_MAX),
        "closed",
    ),
    Bound::bytes(
        "what TCP doors hold unread",
        size(tcp::HELD_BYTES_MAX),
        "nothing more is read",
    ),
    Bound::bytes(
        "an event of Lumberjack",
        size(lumberjack::EVENT_BYTES_MAX),
        "the connection ends",
    ),
    Bound::bytes(
        "a message of forward",
        size(forward::MESSAGE_BYTES_MAX),
        "the connection ends",
    ),
    Bound::count(
        "datagrams that wait",
        size(syslog::QUEUE_MESSAGES_MAX),
        "dropped and counted",
    ),
    Bound::bytes(
        "datagrams that wait, in bytes",
        size(syslog::QUEUE_BYTES_MAX),
        "dropped and counted",
    ),
    Bound::count(
        "senders of datagrams that are counted apart",
        size(syslog::SENDERS_MAX),
        "counted together",
    ),
    Bound::count(
        "files that one pattern follows",
        size(file::FILES_MAX),
        "the rest is not followed, and that is told",
    ),
    Bound::bytes(
        "the spool on disk",
        spool::QUOTA_BYTES,
        "429; Kafka, files and TCP wait; UDP is dropped and counted",
    ),
    Bound::bytes(
        "room that the spool leaves on the disk, at most",
        spool::DISK_FREE_BYTES_MIN,
        "as a full spool",
    ),
    Bound::bytes(
        "what waits to be written to the spool",
        size(spool::QUEUE_BYTES_MAX),
        "its bringer waits",
    ),
    Bound::count(
        "bodies that are known when they come again",
        size(spool::BODIES_MAX),
        "the oldest are forgotten",
    ),
    Bound::count(
        "files and partitions whose place is known",
        size(spool::POSITIONS_MAX),
        "the oldest is forgotten",
    ),
];
