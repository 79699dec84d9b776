//! Other proxies, as Debian has them: nginx's stream module and HAProxy, each passing TCP on by as many workers as we have.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A proxy of somebody else's, until it is dropped.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    process: Child,
    _folder: TempDir,
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Told rather than killed, so that it takes its workers along.
        let process = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw).expect("a process");
        let _ = kill_process(process, Signal::TERM);
        drop(self.process.wait());
    }
}

/// Those that are installed; of each other it says that it is left out.
pub(crate) fn installed(upstream: SocketAddr, workers: usize) -> Vec<Peer> {
    [nginx(upstream, workers), haproxy(upstream, workers)].into_iter().flatten().collect()
}

fn nginx(upstream: SocketAddr, workers: usize) -> Option<Peer> {
    let module = Path::new("/usr/lib/nginx/modules/ngx_stream_module.so");
    let load = if module.exists() { format!("load_module {};", module.display()) } else { String::new() };
    let config = |listen| {
        format!(
            "{load} worker_processes {workers}; pid nginx.pid; error_log stderr crit; master_process on; events {{ }}
             stream {{ server {{ listen {listen}; proxy_pass {upstream}; proxy_buffer_size 64k; tcp_nodelay on; }} }}"
        )
    };
    start("nginx", config, |folder| {
        vec!["-p".into(), folder.into(), "-c".into(), "config".into(), "-g".into(), "daemon off;".into()]
    })
}

fn haproxy(upstream: SocketAddr, workers: usize) -> Option<Peer> {
    let config = |listen| {
        format!(
            "global\n nbthread {workers}\n maxconn 1000\ndefaults\n mode tcp\n timeout connect 5s\n timeout client 1m\n \
             timeout server 1m\nlisten app\n bind {listen}\n server upstream {upstream}\n"
        )
    };
    start("haproxy", config, |folder| vec!["-db".into(), "-f".into(), format!("{folder}/config")])
}

fn start(
    name: &'static str,
    config: impl Fn(SocketAddr) -> String,
    arguments: impl Fn(&str) -> Vec<String>,
) -> Option<Peer> {
    // Let go at once: neither of them can be told to choose a port.
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("config"), config(address)).expect("a configuration");
    let arguments = arguments(&folder.path().display().to_string());
    let started = Command::new(name).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(process) = started else {
        println!("{name} is not installed: left out");
        return None;
    };
    let mut peer = Peer { name, address, process, _folder: folder };
    let begun = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(5), "{name} does not listen");
        thread::sleep(Duration::from_millis(10));
        if let Ok(Some(status)) = peer.process.try_wait() {
            println!("{name} does not run ({status}): left out");
            return None;
        }
    }
    Some(peer)
}
