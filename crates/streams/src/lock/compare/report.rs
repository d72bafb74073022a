//! What a comparison found, and what to do about it.

use std::fmt;

/// What a difference means for those who run the application; the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Old and new instances may run side by side.
    Rolling,
    /// All old instances must have stopped before a new one starts; nothing is lost.
    FullStop,
    /// Types or serdes changed: what the old version wrote must be readable by the new one, which a lock cannot tell.
    CheckSerdes,
    /// Records that wait in a repartition topic are never processed, unless the old version works them off first.
    LosesRecords,
    /// What a store holds cannot be used any more.
    BreaksState,
    /// It is another application, which begins from nothing.
    NewApplication,
}

/// A difference between two locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it means.
    pub effect: Effect,
    /// What is different: `store hours`.
    pub part: String,
    /// How.
    pub change: String,
    /// What follows from that, and why.
    pub reason: String,
    /// Topics of the application's own whose content must be gone before the new version starts.
    pub reset: Vec<String>,
    /// Topics of the application's own that the old version must have worked off before it stops.
    pub work_off: Vec<String>,
    /// Topics of the application's own that nobody uses any more, once there is no way back.
    pub unused: Vec<String>,
}

/// What changed from one lock to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The application's id.
    pub application_id: String,
    /// The new application's id, if it is another one.
    pub new_application_id: Option<String>,
    /// The differences, the gravest first.
    pub findings: Vec<Finding>,
}

impl Finding {
    pub(super) fn new(
        effect: Effect,
        part: impl Into<String>,
        change: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        let (part, change, reason) = (part.into(), change.into(), reason.into());
        let [reset, work_off, unused] = <[Vec<String>; 3]>::default();
        Self { effect, part, change, reason, reset, work_off, unused }
    }

    pub(super) fn resetting(mut self, topic: &str) -> Self {
        self.reset.push(topic.to_owned());
        self
    }

    pub(super) fn working_off(mut self, topic: &str) -> Self {
        self.work_off.push(topic.to_owned());
        self
    }

    pub(super) fn leaving(mut self, topic: &str) -> Self {
        self.unused.push(topic.to_owned());
        self
    }
}

impl Report {
    pub(super) fn new(old_id: &str, new_id: &str, mut findings: Vec<Finding>) -> Self {
        // Stable: what means the same stays in the order in which it was looked for.
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.effect));
        let new_application_id = (old_id != new_id).then(|| new_id.to_owned());
        Self { application_id: old_id.to_owned(), new_application_id, findings }
    }

    /// What all differences together mean: the gravest of them, and a rolling update where there is none.
    pub fn verdict(&self) -> Effect {
        self.findings.iter().map(|finding| finding.effect).max().unwrap_or(Effect::Rolling)
    }

    /// True if instances of both versions may run side by side.
    pub fn is_rolling(&self) -> bool {
        self.verdict() == Effect::Rolling
    }

    /// Topics whose content must be gone before the new version starts.
    pub fn reset(&self) -> Vec<&str> {
        self.topics(|finding| &finding.reset)
    }

    /// Topics that the old version must have worked off before it stops.
    pub fn work_off(&self) -> Vec<&str> {
        self.topics(|finding| &finding.work_off)
    }

    /// Topics that nobody uses any more, once there is no way back. What is to be reset is not among them.
    pub fn unused(&self) -> Vec<&str> {
        let reset = self.reset();
        let mut unused = self.topics(|finding| &finding.unused);
        unused.retain(|topic| !reset.contains(topic));
        unused
    }

    /// What to do, in order.
    pub fn steps(&self) -> Vec<String> {
        let application = &self.application_id;
        let mut steps = Vec::new();
        match self.verdict() {
            Effect::Rolling => {
                return vec!["replace the instances one after the other, or all at once".to_owned()];
            }
            Effect::NewApplication => return self.steps_to_another(),
            Effect::FullStop | Effect::CheckSerdes | Effect::LosesRecords | Effect::BreaksState => {}
        }
        if self.findings.iter().any(|finding| finding.effect == Effect::CheckSerdes) {
            steps.push(
                "test that the new serdes read what the old ones wrote; where they do not, give the topic or store \
                 another name, or reset it"
                    .to_owned(),
            );
        }
        let work_off = self.work_off();
        if !work_off.is_empty() {
            steps.push(format!(
                "stop what writes to the inputs, and wait until `headwater group describe {application}` shows no lag; \
                 what must be worked off: {}",
                work_off.join(", ")
            ));
        }
        steps.push("stop all instances".to_owned());
        for topic in self.reset() {
            steps.push(format!("headwater topic delete {topic}"));
        }
        if !self.reset().is_empty() {
            steps.push("delete what instances keep of these stores on their disks".to_owned());
        }
        if self.verdict() == Effect::BreaksState {
            steps.push(format!(
                "only to fill the stores from the beginning of the inputs, and send all results again: `headwater group \
                 reset-offsets {application} --to-earliest`; else they begin empty where the positions are"
            ));
        }
        steps.push("start the new version".to_owned());
        steps.extend(self.clearing_up());
        steps
    }

    fn steps_to_another(&self) -> Vec<String> {
        let (old, new) = (&self.application_id, self.new_application_id.as_deref().unwrap_or_default());
        vec![
            format!("is another application meant? Else give the new version the id \"{old}\""),
            format!("start {new}; where it is to begin is set by `headwater group reset-offsets {new}`"),
            format!(
                "stop {old}; when there is no way back: `headwater group delete {old}`, and delete its topics {old}-…"
            ),
        ]
    }

    fn clearing_up(&self) -> Option<String> {
        let unused = self.unused();
        let commands: Vec<_> = unused.iter().map(|topic| format!("headwater topic delete {topic}")).collect();
        (!unused.is_empty()).then(|| format!("when there is no way back: {}", commands.join("; ")))
    }

    fn topics(&self, of: impl Fn(&Finding) -> &Vec<String>) -> Vec<&str> {
        let mut topics: Vec<&str> = self.findings.iter().flat_map(of).map(String::as_str).collect();
        topics.sort_unstable();
        topics.dedup();
        topics
    }
}

impl Effect {
    /// All, the gravest last.
    pub const ALL: [Self; 6] = [
        Self::Rolling,
        Self::FullStop,
        Self::CheckSerdes,
        Self::LosesRecords,
        Self::BreaksState,
        Self::NewApplication,
    ];

    /// A word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rolling => "rolling",
            Self::FullStop => "full-stop",
            Self::CheckSerdes => "check-serdes",
            Self::LosesRecords => "loses-records",
            Self::BreaksState => "breaks-state",
            Self::NewApplication => "new-application",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rolling => "rolling update safe",
            Self::FullStop => "full stop needed",
            Self::CheckSerdes => "check the serdes",
            Self::LosesRecords => "loses records in flight",
            Self::BreaksState => "breaks state",
            Self::NewApplication => "another application",
        })
    }
}

/// Prints the verdict, a block per difference, and what to do.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.findings.is_empty() { "nothing has changed, " } else { "" };
        writeln!(f, "{}: {what}{}", self.application_id, self.verdict())?;
        let width = self.findings.iter().map(|finding| finding.effect.to_string().len()).max();
        for Finding { effect, part, change, reason, .. } in &self.findings {
            let width = width.unwrap_or_default();
            let change = wrapped(&format!("{part}: {change}"), LINE.saturating_sub(width));
            let lines = change.into_iter().chain(wrapped(reason, LINE.saturating_sub(width)));
            writeln!(f)?;
            for (number, line) in lines.enumerate() {
                let effect = if number == 0 { effect.to_string() } else { String::new() };
                writeln!(f, "{effect:width$}  {line}")?;
            }
        }
        writeln!(f, "\nwhat to do")?;
        for (step, number) in self.steps().iter().zip(1..) {
            writeln!(f, "{number}. {step}")?;
        }
        Ok(())
    }
}

/// How wide a block is.
const LINE: usize = 110;

/// The words of a text in lines of at most that many bytes, where words allow it.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
