//! A server of the S3 protocol on this machine, with a proxy in front that can fail.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use stc::{Entropy, NodeSeed};
use stt_store::object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use stt_store::object_store::{ClientOptions, ObjectStore, RetryConfig};
use stt_store::{BinaryStorage, ObjectBackend, OpenError, StorageOptions, StoreKey, Takeover};

use crate::proxy::Proxy;

const ROOT: &str = "STT_STORE_TEST_S3_ROOT";
const KEY: &str = "test-key";
const SECRET: &str = "test-secret";

pub(crate) struct System;

impl Entropy for System {
    fn fill(&mut self, out: &mut [u8]) {
        aws_lc_rs::rand::fill(out).unwrap();
    }
}

/// `len` bytes that no two numbers share.
pub(crate) fn bytes(number: u64, len: usize) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_be_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// The server, a process of its own, and directories that are gone with it.
pub(crate) struct Server {
    root: tempfile::TempDir,
    process: Child,
    pub(crate) proxy: Proxy,
}

impl Server {
    pub(crate) fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("bucket")).unwrap();
        let (process, port) = spawn(root.path());
        let proxy = Proxy::start(port);
        Self {
            root,
            process,
            proxy,
        }
    }

    /// Kills the server at once, and starts another one on what it left.
    pub(crate) fn kill_and_restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let (process, port) = spawn(self.root.path());
        self.process = process;
        self.proxy.lead_to(port);
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// The files that the objects are in.
    pub(crate) fn bucket(&self) -> std::path::PathBuf {
        self.root.path().join("bucket")
    }

    pub(crate) fn client(&self) -> Arc<dyn ObjectStore> {
        let client = AmazonS3Builder::new()
            .with_endpoint(format!("http://127.0.0.1:{}", self.proxy.port()))
            .with_allow_http(true)
            .with_bucket_name("bucket")
            .with_region("us-east-1")
            .with_access_key_id(KEY)
            .with_secret_access_key(SECRET)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_client_options(
                ClientOptions::new()
                    .with_timeout(Duration::from_secs(5))
                    .with_allow_http(true),
            )
            .with_retry(RetryConfig {
                max_retries: 1,
                ..RetryConfig::default()
            });
        Arc::new(client.build().unwrap())
    }

    pub(crate) fn backend(
        &self,
        index: &Path,
        takeover: Takeover,
    ) -> Result<ObjectBackend, OpenError> {
        ObjectBackend::open(self.client(), "a/store", index, takeover, &mut System)
    }

    pub(crate) fn open(&self, index: &Path) -> Result<BinaryStorage, OpenError> {
        self.open_as(index, Takeover::Refuse)
    }

    pub(crate) fn open_as(
        &self,
        index: &Path,
        takeover: Takeover,
    ) -> Result<BinaryStorage, OpenError> {
        let backend = Arc::new(self.backend(index, takeover)?);
        let seed = NodeSeed::from_bytes([1; 32]);
        let options = StorageOptions::default()
            .segment_len(256 << 10)
            .checkpoint_len(100 << 10);
        options.open_backend(backend, StoreKey::Node(&seed), Box::new(System))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts this very program again as the server; returns its port.
fn spawn(root: &Path) -> (Child, u16) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "server::child_serves_until_it_is_killed",
            "--nocapture",
        ])
        .env(ROOT, root)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut lines = std::io::BufRead::lines(out).map_while(Result::ok);
    let port = lines.find_map(|line| line.strip_prefix("port ")?.parse().ok());
    (child, port.expect("the server says its port"))
}

/// The child: serves the directory. Does nothing in a normal run.
#[test]
fn child_serves_until_it_is_killed() {
    if let Some(root) = std::env::var_os(ROOT) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(serve(root.as_ref()));
    }
}

#[expect(clippy::print_stdout, reason = "its parent reads the port")]
async fn serve(root: &Path) {
    let files = s3s_fs::FileSystem::new(root).unwrap();
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
    let service = builder.build();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("\nport {}", listener.local_addr().unwrap().port());
    let server = Builder::new(TokioExecutor::new());
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let connection = server.serve_connection(TokioIo::new(socket), service.clone());
        let connection = connection.into_owned();
        tokio::spawn(async move { drop(connection.await) });
    }
}
