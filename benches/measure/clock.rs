//! CPU time, which neighbours on the same machine change little, unlike time on the wall.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::Failure;

/// What the kernel says of the thread that asks: nanoseconds on a processor come first.
const THIS_THREAD: &str = "/proc/thread-self/schedstat";
/// The same of every thread of the process.
const ALL_THREADS: &str = "/proc/self/task";

/// Does something, and says how long this thread was on a processor for it, in user and system.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> Result<(Duration, T), Failure> {
    let begun = of(Path::new(THIS_THREAD))?;
    let done = work();
    Ok((of(Path::new(THIS_THREAD))?.saturating_sub(begun), done))
}

/// How long all threads that now live were on a processor.
pub(crate) fn all_threads() -> Result<Duration, Failure> {
    let mut sum = Duration::ZERO;
    for thread in fs::read_dir(ALL_THREADS)? {
        sum += of(&thread?.path().join("schedstat"))?;
    }
    Ok(sum)
}

fn of(path: &Path) -> Result<Duration, Failure> {
    // The kernel brings the figure up to date when it decides who runs next.
    std::thread::yield_now();
    let text =
        fs::read_to_string(path).map_err(|error| format!("CPU time needs Linux: {}: {error}", path.display()))?;
    let nanoseconds = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}
