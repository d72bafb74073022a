//! The commands of share groups.
//!
//! - `share hello CLIENT [anew] [OPTION ..]`: joins, by default with topics=t; `share hb CLIENT [epoch=N] [OPTION ..]`: says
//!   only what the options say; `share bye CLIENT`
//! - options: topics=NAME,.. rack=R id=ID
//! - `share members`: the group in detail; `share may-alter`

use std::fmt::Write;

use headwater_coordinator::{MemberId, ShareCurrent, ShareGroupChange, ShareHeartbeat};

use super::{Run, Words, group, word};

impl Run {
    pub(super) fn share_line(&mut self, mut words: Words<'_>) {
        match words.plain.remove(0) {
            "hello" => self.share_hello(words),
            "hb" => self.share_hb(words, None),
            "bye" => self.share_hb(words, Some(-1)),
            "members" => self.show_share_members(),
            _ => {
                let outcome = word(self.groups.check_share_alteration(&group()));
                writeln!(self.out, "may alter {outcome}").unwrap();
            }
        }
    }

    fn share_hello(&mut self, mut words: Words<'_>) {
        let client = self.clients.entry(words.plain[0].to_owned()).or_default();
        if words.has("anew") {
            client.member = None;
        }
        if !words.options.iter().any(|(known, _)| *known == "topics") {
            words.options.push(("topics", "t"));
        }
        self.share_hb(words, Some(0));
    }

    fn share_hb(&mut self, mut words: Words<'_>, epoch: Option<i32>) {
        let name = words.plain[0].to_owned();
        let client = self.clients.entry(name.clone()).or_default();
        if client.member.is_none() {
            let member = MemberId::from(format!("{name}{}", "'".repeat(client.lives)));
            client.lives += 1;
            self.names.insert(member.clone(), member.to_string());
            client.member = Some(member);
        }
        let text = |text: &str| if text == "''" { String::new() } else { text.to_owned() };
        let names = |text: &str| text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let beat = ShareHeartbeat {
            group: group(),
            member: words.take("id").map(MemberId::new).or_else(|| client.member.clone()).unwrap(),
            epoch: words.take("epoch").map(|n| n.parse().unwrap()).or(epoch).unwrap_or(client.generation),
            rack: words.take("rack").map(text),
            topics: words.take("topics").map(names),
            client_id: name.clone(),
            client_host: "/127.0.0.1".to_owned(),
        };
        let token = self.ask(&name);
        let effects = self.groups.share_heartbeat(self.now(), token, &beat);
        self.show(effects);
    }

    fn share_current(&self, current: &ShareCurrent) -> String {
        format!("epoch={}{}", current.epoch, self.list_of(&current.assigned))
    }

    pub(super) fn show_share_change(&mut self, change: &ShareGroupChange) {
        let line = match change {
            ShareGroupChange::Epoch { epoch, .. } => format!("epoch {epoch}"),
            ShareGroupChange::EpochForgotten => "epoch forgotten".to_owned(),
            ShareGroupChange::TargetEpoch { epoch } => format!("target epoch {epoch}"),
            ShareGroupChange::TargetEpochForgotten => "target epoch forgotten".to_owned(),
            ShareGroupChange::Member { member, .. } => format!("member {}", self.name(member)),
            ShareGroupChange::Target { member, partitions } => {
                format!("target {}{}", self.name(member), self.list_of(partitions))
            }
            ShareGroupChange::Current { member, current } => {
                format!("current {} {}", self.name(member), self.share_current(current))
            }
            ShareGroupChange::MemberForgotten { member } => format!("member {} forgotten", self.name(member)),
            ShareGroupChange::TargetForgotten { member } => format!("target {} forgotten", self.name(member)),
            ShareGroupChange::CurrentForgotten { member } => {
                format!("current {} forgotten", self.name(member))
            }
        };
        writeln!(self.out, "+ share {line}").unwrap();
    }

    fn show_share_members(&mut self) {
        let Some(described) = self.groups.describe_share_group(&group()) else {
            writeln!(self.out, "no share group").unwrap();
            return;
        };
        let (epoch, target) = (described.epoch, described.assignment_epoch);
        writeln!(self.out, "{} epoch={epoch} target={target} {}", described.state, described.assignor)
            .unwrap();
        for member in described.members {
            let (name, current) = (self.name(&member.member), self.share_current(&member.current));
            writeln!(self.out, "  {name} {current} ->{}", self.list_of(&member.target)).unwrap();
        }
    }
}
