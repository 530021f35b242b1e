//! The local disk as an object store that syncs.
//!
//! `object_store` before 0.14 publishes by rename and link without a single sync, so that a row which was
//! committed may be gone, or a file empty, after a power cut. Reading, listing and deleting are left to it.

use std::fmt;
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path as FilePath;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, RenameTargetMode, Result, UploadPart,
};

use super::file::{Publish, PublishError, Staged};

const NAME: &str = "DurableLocalFs";

/// An object store over the root of the local file system, whose writes are durable when they return.
#[derive(Clone, Debug)]
pub struct DurableLocalFs {
    inner: LocalFileSystem,
    failed: Failed,
}

/// Whether a sync has failed.
#[derive(Clone, Debug, Default)]
struct Failed(Arc<AtomicBool>);

impl Failed {
    fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Acquire) {
            let source = "a sync failed earlier, so that it is unknown what the disk holds; start again".into();
            return Err(Error::Generic { store: NAME, source });
        }
        Ok(())
    }

    fn publish(&self, staged: Staged, how: Publish, location: &str) -> Result<()> {
        staged.publish(how).map_err(|error| {
            if matches!(error, PublishError::Sync(_)) {
                self.0.store(true, Ordering::Release);
            }
            translate(error.into(), location)
        })
    }
}

impl Default for DurableLocalFs {
    fn default() -> Self {
        Self {
            inner: LocalFileSystem::new(),
            failed: Failed::default(),
        }
    }
}

impl fmt::Display for DurableLocalFs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME}({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for DurableLocalFs {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.failed.check()?;
        let how = match options.mode {
            PutMode::Overwrite => Publish::Replace,
            PutMode::Create => Publish::Create,
            PutMode::Update(_) => return Err(unsupported("put_opts in the mode `update`")),
        };
        if !options.attributes.is_empty() {
            return Err(unsupported("put_opts with attributes"));
        }
        let target = self.inner.path_to_filesystem(location)?;
        let failed = self.failed.clone();
        blocking(move || {
            let name = target.display().to_string();
            let mut staged = Staged::beside(&target).map_err(|error| translate(error, &name))?;
            for part in &payload {
                if let Err(error) = staged.file.write_all(part) {
                    staged.discard();
                    return Err(translate(error, &name));
                }
            }
            failed.publish(staged, how, &name)?;
            Ok(PutResult {
                e_tag: None,
                version: None,
            })
        })
        .await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.failed.check()?;
        if !options.attributes.is_empty() {
            return Err(unsupported("put_multipart_opts with attributes"));
        }
        let target = self.inner.path_to_filesystem(location)?;
        let failed = self.failed.clone();
        blocking(move || {
            let name = target.display().to_string();
            let staged = Staged::beside(&target).map_err(|error| translate(error, &name))?;
            let upload = Upload {
                staged: Arc::new(Mutex::new(Some(staged))),
                next: 0,
                failed,
                name,
            };
            let upload: Box<dyn MultipartUpload> = Box::new(upload);
            Ok(upload)
        })
        .await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.failed.check()?;
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.failed.check()?;
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    /// Copies the bytes: a second name for the same file would let a later write change both.
    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.failed.check()?;
        let how = match options.mode {
            CopyMode::Overwrite => Publish::Replace,
            CopyMode::Create => Publish::Create,
        };
        let source = self.inner.path_to_filesystem(from)?;
        let target = self.inner.path_to_filesystem(to)?;
        let failed = self.failed.clone();
        blocking(move || copy(&source, &target, how, &failed)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let mode = match options.target_mode {
            RenameTargetMode::Overwrite => CopyMode::Overwrite,
            RenameTargetMode::Create => CopyMode::Create,
        };
        self.copy_opts(
            from,
            to,
            CopyOptions {
                mode,
                extensions: options.extensions,
            },
        )
        .await?;
        let source = self.inner.path_to_filesystem(from)?;
        blocking(move || {
            let name = source.display().to_string();
            std::fs::remove_file(&source).map_err(|error| translate(error, &name))
        })
        .await
    }
}

fn copy(source: &FilePath, target: &FilePath, how: Publish, failed: &Failed) -> Result<()> {
    let from = source.display().to_string();
    let to = target.display().to_string();
    let mut bytes = std::fs::File::open(source).map_err(|error| translate(error, &from))?;
    let mut staged = Staged::beside(target).map_err(|error| translate(error, &to))?;
    if let Err(error) = io::copy(&mut bytes, &mut staged.file) {
        staged.discard();
        return Err(translate(error, &to));
    }
    failed.publish(staged, how, &to)
}

/// A file that arrives in parts. If it is dropped before it is complete, nothing is visible.
#[derive(Debug)]
struct Upload {
    staged: Arc<Mutex<Option<Staged>>>,
    next: u64,
    failed: Failed,
    name: String,
}

impl Upload {
    fn take(&self) -> Option<Staged> {
        self.staged.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let at = self.next;
        self.next += u64::try_from(data.content_length()).unwrap_or(u64::MAX);
        let staged = Arc::clone(&self.staged);
        let name = self.name.clone();
        blocking(move || {
            let mut staged = staged.lock().unwrap_or_else(PoisonError::into_inner);
            let file = &mut staged.as_mut().ok_or_else(|| aborted(&name))?.file;
            file.seek(SeekFrom::Start(at))
                .map_err(|error| translate(error, &name))?;
            data.iter()
                .try_for_each(|part| file.write_all(part))
                .map_err(|error| translate(error, &name))
        })
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.failed.check()?;
        let staged = self.take().ok_or_else(|| aborted(&self.name))?;
        let failed = self.failed.clone();
        let name = self.name.clone();
        blocking(move || failed.publish(staged, Publish::Replace, &name)).await?;
        Ok(PutResult {
            e_tag: None,
            version: None,
        })
    }

    async fn abort(&mut self) -> Result<()> {
        if let Some(staged) = self.take() {
            blocking(move || {
                staged.discard();
                Ok(())
            })
            .await?;
        }
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(staged) = self.take() {
            staged.discard();
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(work).await?,
        Err(_) => work(),
    }
}

fn translate(error: io::Error, location: &str) -> Error {
    let path = location.to_owned();
    match error.kind() {
        io::ErrorKind::NotFound => Error::NotFound {
            path,
            source: Box::new(error),
        },
        io::ErrorKind::AlreadyExists => Error::AlreadyExists {
            path,
            source: Box::new(error),
        },
        io::ErrorKind::PermissionDenied => Error::PermissionDenied {
            path,
            source: Box::new(error),
        },
        _ => Error::Generic {
            store: NAME,
            source: format!("{path}: {error}").into(),
        },
    }
}

fn aborted(name: &str) -> Error {
    Error::Generic {
        store: NAME,
        source: format!("{name}: the upload is over").into(),
    }
}

fn unsupported(operation: &str) -> Error {
    Error::NotImplemented {
        operation: operation.to_owned(),
        implementer: NAME.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::ObjectStoreExt;

    fn location(dir: &tempfile::TempDir, name: &str) -> Path {
        Path::from_absolute_path(dir.path().join(name)).unwrap()
    }

    #[tokio::test]
    async fn what_is_put_in_one_piece_or_in_parts_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let store = DurableLocalFs::default();
        let whole = location(&dir, "a/whole");
        store.put(&whole, "whole".into()).await.unwrap();
        let parts = location(&dir, "b/c/parts");
        let mut upload = store.put_multipart(&parts).await.unwrap();
        upload.put_part("in ".into()).await.unwrap();
        upload.put_part("parts".into()).await.unwrap();
        assert!(matches!(store.head(&parts).await, Err(Error::NotFound { .. })));
        upload.complete().await.unwrap();
        let copied = location(&dir, "d/copied");
        store.copy_if_not_exists(&parts, &copied).await.unwrap();
        store.rename(&whole, &location(&dir, "a/renamed")).await.unwrap();

        for (name, expected) in [
            ("a/renamed", "whole"),
            ("b/c/parts", "in parts"),
            ("d/copied", "in parts"),
        ] {
            let bytes = store.get(&location(&dir, name)).await.unwrap().bytes().await.unwrap();
            assert_eq!(bytes, expected, "{name}");
        }
        assert!(matches!(store.head(&whole).await, Err(Error::NotFound { .. })));
        assert!(matches!(
            store.copy_if_not_exists(&parts, &copied).await,
            Err(Error::AlreadyExists { .. })
        ));
    }

    #[tokio::test]
    async fn an_upload_that_is_given_up_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = DurableLocalFs::default();
        let mut aborted = store.put_multipart(&location(&dir, "aborted")).await.unwrap();
        aborted.put_part("x".into()).await.unwrap();
        aborted.abort().await.unwrap();
        assert!(aborted.complete().await.is_err());
        drop(store.put_multipart(&location(&dir, "dropped")).await.unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn after_a_failed_sync_nothing_more_is_written_or_read() {
        let dir = tempfile::tempdir().unwrap();
        let store = DurableLocalFs::default();
        store.put(&location(&dir, "before"), "x".into()).await.unwrap();
        store.failed.0.store(true, Ordering::Release);
        for error in [
            store.put(&location(&dir, "after"), "x".into()).await.map(drop),
            store.get(&location(&dir, "before")).await.map(drop),
        ] {
            assert!(error.unwrap_err().to_string().contains("a sync failed earlier"));
        }
    }
}
