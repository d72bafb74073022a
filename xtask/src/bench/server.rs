//! The brokers under measurement: Apache Kafka with its default settings, and `headwater up`.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::usage::{self, Usage};

/// When a record counts as written: pairs of settings that promise the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// The operating system has it: Kafka's default.
    Os,
    /// It is on the disk: Kafka with a flush per message.
    Durable,
}

/// Which broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Kafka,
    Headwater,
}

impl Kind {
    pub(super) const BOTH: [Self; 2] = [Self::Kafka, Self::Headwater];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kafka => "Apache Kafka",
            Self::Headwater => "Headwater",
        }
    }
}

/// What a broker is started from.
#[derive(Debug, Clone)]
pub(super) struct Place<'a> {
    pub(super) root: &'a Path,
    /// Kafka's jars.
    pub(super) libs: PathBuf,
    /// Where data and logs lie.
    pub(super) folder: PathBuf,
}

/// A broker that runs, or could: killed when dropped, and its folder removed.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) kind: Kind,
    pub(super) bootstrap: String,
    command: Command,
    child: Option<Child>,
    data: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.kill();
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

impl Server {
    /// Starts one on an empty folder and waits until it accepts connections.
    pub(super) fn start(kind: Kind, mode: Mode, place: &Place<'_>) -> anyhow::Result<Self> {
        Self::start_with(kind, mode, place, "")
    }

    /// The same with further lines in Kafka's `server.properties`. Those of groups that we have are ours too.
    pub(super) fn start_with(
        kind: Kind,
        mode: Mode,
        place: &Place<'_>,
        properties: &str,
    ) -> anyhow::Result<Self> {
        let mut server = Self::prepare(kind, mode, place, properties)?;
        server.run()?;
        let deadline = usage::now() + Duration::from_mins(1);
        while TcpStream::connect(&server.bootstrap).is_err() {
            anyhow::ensure!(usage::now() < deadline, "{} did not start", kind.name());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// One that does not run yet. Its folder is formatted: Kafka's tool for it is a JVM of its own.
    pub(super) fn prepare(
        kind: Kind,
        mode: Mode,
        place: &Place<'_>,
        properties: &str,
    ) -> anyhow::Result<Self> {
        let port = free_port()?;
        let data = place.folder.join(format!("{kind:?}-{port}"));
        let _ = std::fs::remove_dir_all(&data);
        std::fs::create_dir_all(&data).with_context(|| format!("cannot create {}", data.display()))?;
        let mut command = match kind {
            Kind::Headwater => headwater(mode, port, &data, place, properties),
            Kind::Kafka => kafka(mode, port, &data, place, properties)?,
        };
        let log = File::create(place.folder.join(format!("{kind:?}.log")))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(Self { kind, bootstrap: format!("127.0.0.1:{port}"), command, child: None, data })
    }

    /// Starts it, for the first time or after it was killed, and does not wait.
    fn run(&mut self) -> anyhow::Result<()> {
        let child = self.command.spawn();
        self.child = Some(child.with_context(|| format!("cannot start {}", self.kind.name()))?);
        Ok(())
    }

    /// As a crash does.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// From the start of the process to the end of a probe, which is there before and waits for the broker.
    pub(super) fn run_until(&mut self, probe: &mut Command) -> anyhow::Result<Duration> {
        let mut probe = probe.stdout(Stdio::null()).spawn().context("cannot start the probe")?;
        std::thread::sleep(Duration::from_millis(100));
        let started = usage::now();
        self.run()?;
        let status = probe.wait()?;
        anyhow::ensure!(status.success(), "the probe of {} failed", self.kind.name());
        Ok(started.elapsed())
    }

    fn id(&self) -> anyhow::Result<u32> {
        Ok(self.child.as_ref().with_context(|| format!("{} does not run", self.kind.name()))?.id())
    }

    /// CPU time so far.
    pub(super) fn usage(&self) -> anyhow::Result<Usage> {
        usage::usage(self.id()?)
    }

    /// What it has read so far, by calls, from files and otherwise.
    pub(super) fn read_bytes(&self) -> anyhow::Result<u64> {
        usage::read_bytes(self.id()?)
    }

    /// Where the files of a partition are.
    pub(super) fn partition_folder(&self, topic: &str, partition: i32) -> PathBuf {
        let logs = match self.kind {
            Kind::Kafka => "log",
            Kind::Headwater => "broker",
        };
        self.data.join(logs).join(format!("{topic}-{partition}"))
    }

    /// Resident now, in bytes.
    pub(super) fn resident(&self) -> anyhow::Result<u64> {
        usage::memory(self.id()?, "VmRSS:")
    }

    /// Makes a topic, by our own command line.
    pub(super) fn create_topic(&self, place: &Place<'_>, topic: &str, partitions: i32) -> anyhow::Result<()> {
        self.topic(place, &["create", topic, "--partitions", &partitions.to_string()])
    }

    /// A command about a topic, by our own command line.
    pub(super) fn topic(&self, place: &Place<'_>, what: &[&str]) -> anyhow::Result<()> {
        let mut command = Command::new(binary(place));
        command.arg("topic").args(what).args(["--bootstrap", &self.bootstrap]).stdout(Stdio::null());
        anyhow::ensure!(command.status()?.success(), "{}: topic {what:?} failed", self.kind.name());
        Ok(())
    }

    /// Removes it again, so that disks and page caches do not fill up.
    pub(super) fn delete_topic(&self, place: &Place<'_>, topic: &str) {
        let _ = self.topic(place, &["delete", topic]);
    }
}

/// The release binary.
pub(super) fn binary(place: &Place<'_>) -> PathBuf {
    place.root.join("target/release/headwater")
}

fn headwater(mode: Mode, port: u16, data: &Path, place: &Place<'_>, properties: &str) -> Command {
    let mut command = Command::new(binary(place));
    let durability = match mode {
        Mode::Os => "os",
        Mode::Durable => "fsync",
    };
    command
        .args(["up", "--kafka-port", &port.to_string(), "--durability", durability, "--data-dir"])
        .arg(data);
    // Lower bounds of what groups may ask for are Kafka's alone.
    for line in
        properties.lines().filter(|line| line.starts_with("group.consumer.") && !line.contains(".min."))
    {
        command.args(["--group-setting", line]);
    }
    command
}

fn kafka(mode: Mode, port: u16, data: &Path, place: &Place<'_>, properties: &str) -> anyhow::Result<Command> {
    let controller = free_port()?;
    let flush = match mode {
        Mode::Os => "",
        Mode::Durable => "log.flush.interval.messages=1\n",
    };
    let file = data.join("server.properties");
    let text = format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
         controller.listener.names=CONTROLLER\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\nlog.dirs={}\n\
         offsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n{flush}{properties}",
        data.join("log").display()
    );
    std::fs::write(&file, text)?;
    let java = |main: &str, jvm: &[&str]| {
        let mut command = Command::new("java");
        command.args(jvm).arg("-cp").arg(format!("{}/*", place.libs.display())).arg(main);
        command
    };
    let mut format = java("kafka.tools.StorageTool", &["-Xmx256m"]);
    format.args(["format", "--cluster-id", "MkU3OEVBNTcwNTJENDM2Qk", "--config"]).arg(&file);
    let formatted = format.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    anyhow::ensure!(formatted.success(), "Kafka's storage cannot be formatted");
    // As Kafka's own start script has it, but for logging.
    let mut command = java(
        "kafka.Kafka",
        &[
            "-Xms1g",
            "-Xmx1g",
            "-server",
            "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=20",
            "-XX:InitiatingHeapOccupancyPercent=35",
            "-XX:+ExplicitGCInvokesConcurrent",
            "-Djava.awt.headless=true",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        ],
    );
    command.arg(file);
    Ok(command)
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Waits until a process is quiet: what it does on its own after a load is not the next load's.
pub(super) fn settle(server: &Server) -> anyhow::Result<()> {
    let deadline: Instant = usage::now() + Duration::from_secs(1);
    loop {
        let before = server.usage()?;
        std::thread::sleep(Duration::from_millis(300));
        if server.usage()?.since(before).total() < 0.03 || usage::now() > deadline {
            return Ok(());
        }
    }
}
