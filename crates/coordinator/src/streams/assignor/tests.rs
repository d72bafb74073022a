//! What holds of every assignment, on random problems, and how long a large one takes.

use proptest::prelude::*;

use super::*;

/// A problem that owns what it is about. Processes and subtopologies are numbered; the first ones have state.
#[derive(Debug, Clone)]
struct Case {
    stateful: Vec<i32>,
    stateless: Vec<i32>,
    /// Of each member.
    processes: Vec<String>,
    before: Vec<AssignedTasks>,
    standby_replicas: usize,
}

impl Case {
    fn new(stateful: &[i32], stateless: &[i32], processes: &[usize], standby_replicas: usize) -> Self {
        Self {
            stateful: stateful.to_vec(),
            stateless: stateless.to_vec(),
            processes: processes.iter().map(|process| format!("p{process}")).collect(),
            before: vec![AssignedTasks::new(); processes.len()],
            standby_replicas,
        }
    }

    fn parts(&self) -> BTreeMap<SubtopologyId, Part> {
        let part = |tasks: i32, is_stateful| Part { tasks, is_stateful, sources: BTreeMap::new() };
        let stateful = self.stateful.iter().map(|tasks| part(*tasks, true));
        let parts = stateful.chain(self.stateless.iter().map(|tasks| part(*tasks, false)));
        parts.enumerate().map(|(id, part)| (SubtopologyId::from(id.to_string()), part)).collect()
    }

    fn solve(&self) -> Vec<AssignedTasks> {
        let parts = self.parts();
        let workers = self.processes.iter().zip(&self.before);
        let workers = workers.map(|(process, before)| Worker { process, before }).collect();
        Problem { parts: &parts, workers, standby_replicas: self.standby_replicas }.solve()
    }

    fn tasks(&self) -> Vec<(Task, bool)> {
        let tasks_of = |(subtopology, part): (SubtopologyId, Part)| {
            (0..part.tasks).map(move |number| {
                let task = Task { subtopology: subtopology.clone(), partition: PartitionId(number) };
                (task, part.is_stateful)
            })
        };
        self.parts().into_iter().flat_map(tasks_of).collect()
    }

    fn process_count(&self) -> usize {
        self.processes.iter().collect::<BTreeSet<_>>().len()
    }

    /// Each task is active once and has its copies, in different processes; nobody has much more to do than another.
    fn check(&self, assigned: &[AssignedTasks]) {
        assert_eq!(assigned.len(), self.processes.len());
        let standbys = self.standby_replicas.min(self.process_count() - 1);
        let mut known = AssignedTasks::new();
        for (task, is_stateful) in self.tasks() {
            let having = |has: &dyn Fn(&AssignedTasks) -> bool| -> Vec<&String> {
                let members = assigned.iter().zip(&self.processes).filter(|(tasks, _)| has(tasks));
                members.map(|(_, process)| process).collect()
            };
            let active = having(&|tasks| tasks.active.contains(&task));
            let standby = having(&|tasks| tasks.standby.contains(&task));
            assert_eq!(active.len(), 1, "{task} is active so often");
            assert_eq!(standby.len(), if is_stateful { standbys } else { 0 }, "{task} has so many copies");
            let distinct: BTreeSet<&String> = active.iter().chain(&standby).copied().collect();
            assert_eq!(distinct.len(), active.len() + standby.len(), "{task} is twice in a process");
            known.active.insert(task.clone());
            known.standby.insert(task);
        }
        assert!(assigned.iter().all(|tasks| tasks.is_subset(&known)), "there are no such tasks");
        self.check_copies(assigned);
        let stateful =
            |task: &Task| task.subtopology.as_str().parse::<usize>().unwrap() < self.stateful.len();
        assert!(spread(assigned.iter().map(|tasks| tasks.active.len())) <= 1);
        assert!(spread(assigned.iter().map(|tasks| tasks.active.filtered(stateful).len())) <= 1);
    }

    /// No copy could go to a process that does not have the task, and bring two loads closer together.
    fn check_copies(&self, assigned: &[AssignedTasks]) {
        let in_process = |process: &str, task: &Task| {
            let mut members = assigned.iter().zip(&self.processes).filter(|(_, of)| *of == process);
            members.any(|(tasks, _)| tasks.active.contains(task) || tasks.standby.contains(task))
        };
        for (giver, from) in assigned.iter().zip(&self.processes) {
            for (taker, to) in assigned.iter().zip(&self.processes) {
                if taker.len() + 2 <= giver.len() {
                    let stays = |task: Task| from != to && in_process(to, &task);
                    assert!(giver.standby.iter().all(stays), "a copy could move from {from} to {to}");
                }
            }
        }
    }

    /// The members with these places stay; others join, of a process of their own or an old one.
    fn changed(&self, assigned: Vec<AssignedTasks>, stay: &[bool], joining: &[usize]) -> Self {
        let mut next = Self { before: assigned, ..self.clone() };
        for index in (0..next.processes.len()).rev().filter(|index| !stay[*index]) {
            next.processes.remove(index);
            next.before.remove(index);
        }
        next.processes.extend(joining.iter().map(|process| format!("p{process}")));
        next.before.resize(next.processes.len(), AssignedTasks::new());
        next
    }
}

fn spread(of: impl Iterator<Item = usize> + Clone) -> usize {
    of.clone().max().unwrap_or(0) - of.min().unwrap_or(0)
}

fn case() -> impl Strategy<Value = Case> {
    let counts = || prop::collection::vec(0..9_i32, 0..4);
    (counts(), counts(), prop::collection::vec(0..5_usize, 1..10), 0..4_usize).prop_map(
        |(stateful, stateless, processes, replicas)| Case::new(&stateful, &stateless, &processes, replicas),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn every_assignment_is_whole_and_even(
        case in case(),
        stay in prop::collection::vec(any::<bool>(), 10),
        joining in prop::collection::vec(0..7_usize, 0..4),
        grown in 0..4_i32,
        replicas in 0..4_usize,
    ) {
        let assigned = case.solve();
        case.check(&assigned);
        let mut next = case.changed(assigned, &stay, &joining);
        next.stateful.iter_mut().for_each(|tasks| *tasks += grown);
        next.standby_replicas = replicas;
        if !next.processes.is_empty() {
            next.check(&next.solve());
        }
    }

    #[test]
    fn if_nothing_has_changed_nothing_changes(
        case in case(),
        stay in prop::collection::vec(any::<bool>(), 10),
        joining in prop::collection::vec(0..7_usize, 0..4),
    ) {
        let assigned = case.solve();
        let next = case.changed(assigned, &stay, &joining);
        let assigned = next.solve();
        let again = Case { before: assigned.clone(), ..next };
        prop_assert_eq!(again.solve(), assigned);
    }

    #[test]
    fn no_more_active_tasks_move_than_evenness_takes(
        tasks in 0..30_i32,
        stateful in any::<bool>(),
        processes in prop::collection::vec(0..5_usize, 1..10),
        stay in prop::collection::vec(any::<bool>(), 10),
        joining in prop::collection::vec(0..7_usize, 0..4),
    ) {
        let (one, none) = ([tasks], []);
        let (with, without): (&[i32], &[i32]) = if stateful { (&one, &none) } else { (&none, &one) };
        let case = Case::new(with, without, &processes, 0);
        let next = case.changed(case.solve(), &stay, &joining);
        if next.processes.is_empty() {
            return Ok(());
        }
        let after = next.solve();
        let (share, longer) = (tasks as usize / next.before.len(), tasks as usize % next.before.len());
        let mut loads: Vec<usize> = next.before.iter().map(|tasks| tasks.active.len()).collect();
        loads.sort_unstable_by(|one, other| other.cmp(one));
        let above = loads.iter().enumerate().map(|(place, load)| {
            load.saturating_sub(share + usize::from(place < longer))
        });
        let moved = next.before.iter().zip(&after).map(|(before, after)| {
            before.active.difference(&after.active).len()
        });
        prop_assert_eq!(moved.sum::<usize>(), above.sum::<usize>());
    }

    #[test]
    fn processes_of_a_size_have_as_much_to_do(
        stateful in prop::collection::vec(0..9_i32, 1..4),
        processes in 1..5_usize,
        members in 1..4_usize,
        replicas in 0..3_usize,
    ) {
        let places: Vec<usize> = (0..processes * members).map(|member| member % processes).collect();
        let case = Case::new(&stateful, &[], &places, replicas);
        let assigned = case.solve();
        let of = |process: usize, load: &dyn Fn(&AssignedTasks) -> usize| -> usize {
            let members = assigned.iter().zip(&places).filter(|(_, place)| **place == process);
            members.map(|(tasks, _)| load(tasks)).sum()
        };
        prop_assert!(spread((0..processes).map(|process| of(process, &|tasks| tasks.active.len()))) <= 1);
        prop_assert!(spread(assigned.iter().map(AssignedTasks::len)) <= 2);
    }

    #[test]
    fn who_goes_is_followed_by_who_has_the_state(
        tasks in 1..12_i32,
        processes in 2..6_usize,
        gone in 0..6_usize,
    ) {
        let places: Vec<usize> = (0..processes).collect();
        let case = Case::new(&[tasks], &[], &places, 1);
        let assigned = case.solve();
        let gone = gone % processes;
        let stay: Vec<bool> = places.iter().map(|place| *place != gone).collect();
        let orphans = assigned[gone].active.clone();
        let next = case.changed(assigned, &stay, &[]);
        let after = next.solve();
        // As many as have room: with one task more than its share nobody takes another.
        let share = (tasks as usize).div_ceil(next.processes.len());
        for (before, after) in next.before.iter().zip(&after) {
            let inherited = after.active.intersection(&before.standby.intersection(&orphans)).len();
            let could = before.standby.intersection(&orphans).len();
            let full = after.active.len() >= share - 1;
            prop_assert!(inherited == could || full, "{inherited} of {could} were taken over");
        }
    }
}

#[test]
fn a_task_that_moves_within_a_process_finds_its_state() {
    let mut case = Case::new(&[4], &[], &[0, 1], 0);
    case.before = case.solve();
    let of_first = case.before[0].active.clone();
    // The first process has two threads now, in place of the one that it had.
    case.processes = vec!["p0".to_owned(), "p0".to_owned(), "p1".to_owned(), "p1".to_owned()];
    case.before =
        vec![case.before[0].clone(), AssignedTasks::new(), case.before[1].clone(), AssignedTasks::new()];
    let after = case.solve();
    let mut in_first = after[0].active.clone();
    in_first.extend(after[1].active.iter());
    assert_eq!(in_first, of_first);
}

#[test]
fn who_has_a_copy_is_asked_before_others_of_its_process() {
    let mut case = Case::new(&[1], &[], &[0, 0], 1);
    let task = Task { subtopology: SubtopologyId::new("0"), partition: PartitionId(0) };
    case.before[1].standby.insert(task.clone());
    assert!(case.solve()[1].active.contains(&task));
}

#[test]
fn nobody_or_nothing_to_assign_is_no_problem() {
    assert!(Case::new(&[3], &[3], &[], 1).solve().is_empty());
    assert_eq!(Case::new(&[], &[0], &[0, 0], 1).solve(), [AssignedTasks::new(), AssignedTasks::new()]);
}

/// 100 threads with 1,000 tasks are nothing; 1,000 threads with 10,000 tasks are bearable. The bounds are far above
/// what it takes, so that a slow machine passes and a wrong order of growth does not.
#[test]
fn large_groups_are_assigned_in_a_moment() {
    #[expect(clippy::disallowed_methods, reason = "the test tells how long it takes")]
    let clock = std::time::Instant::now;
    for (tasks, members, threads) in [(1_000, 100, 4), (10_000, 1_000, 10)] {
        let processes: Vec<usize> = (0..members).map(|member| member / threads).collect();
        let mut case = Case::new(&[tasks / 2], &[tasks / 2], &processes, 1);
        let start = clock();
        case.before = case.solve();
        let at_first = start.elapsed();
        case.processes.pop();
        case.before.pop();
        let start = clock();
        let after_leave = case.solve();
        println!("{tasks} tasks, {members} members: {at_first:?}, then {:?}", start.elapsed());
        assert_eq!(after_leave.iter().map(|tasks| tasks.active.len()).sum::<usize>(), tasks as usize);
        assert!(at_first.as_secs() < 10 && start.elapsed().as_secs() < 10);
    }
}
