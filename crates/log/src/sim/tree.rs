//! The simulated folders: names now, and names that a power loss would leave.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path};
use std::sync::{Arc, Mutex};

use headwater_model::Entropy;

use super::inode::{self, Inode};
use crate::disk::Entry;

#[derive(Debug, Clone)]
enum Node {
    File(Arc<Mutex<Inode>>),
    Dir(Arc<Mutex<Dir>>),
}

#[derive(Debug, Default)]
struct Dir {
    current: BTreeMap<String, Node>,
    durable: BTreeMap<String, Node>,
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Add(String, Node),
    Remove(String),
    Rename(String, String),
}

/// All folders and files, from the root.
#[derive(Debug, Default)]
pub(super) struct Tree {
    root: Arc<Mutex<Dir>>,
}

fn lock(dir: &Mutex<Dir>) -> std::sync::MutexGuard<'_, Dir> {
    dir.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Dir {
    fn change(&mut self, change: Change) {
        apply(&mut self.current, &change);
        self.pending.push(change);
    }
}

fn apply(names: &mut BTreeMap<String, Node>, change: &Change) {
    match change {
        Change::Add(name, node) => {
            names.insert(name.clone(), node.clone());
        }
        Change::Remove(name) => {
            names.remove(name);
        }
        Change::Rename(from, to) => {
            if let Some(node) = names.remove(from) {
                names.insert(to.clone(), node);
            }
        }
    }
}

impl Tree {
    pub(super) fn create(&self, path: &Path) -> io::Result<Arc<Mutex<Inode>>> {
        let (parent, name) = self.parent(path)?;
        let mut parent = lock(&parent);
        match parent.current.get(&name) {
            Some(Node::File(inode)) => {
                inode::lock(inode).truncate(0);
                Ok(Arc::clone(inode))
            }
            Some(Node::Dir(_)) => Err(io::ErrorKind::IsADirectory.into()),
            None => {
                let inode = Arc::new(Mutex::new(Inode::default()));
                parent.change(Change::Add(name, Node::File(Arc::clone(&inode))));
                Ok(inode)
            }
        }
    }

    pub(super) fn file(&self, path: &Path) -> io::Result<Arc<Mutex<Inode>>> {
        match self.node(path)? {
            Node::File(inode) => Ok(inode),
            Node::Dir(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let dir = self.dir(dir)?;
        let entry = |(name, node): (&String, &Node)| Entry {
            name: name.clone(),
            is_dir: matches!(node, Node::Dir(_)),
        };
        let entries = lock(&dir).current.iter().map(entry).collect();
        Ok(entries)
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let ((from_dir, from_name), (to_dir, to_name)) = (self.parent(from)?, self.parent(to)?);
        let node = lock(&from_dir).current.get(&from_name).cloned().ok_or(io::ErrorKind::NotFound)?;
        if let Some(Node::Dir(there)) = lock(&to_dir).current.get(&to_name)
            && !lock(there).current.is_empty()
        {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        if Arc::ptr_eq(&from_dir, &to_dir) {
            lock(&from_dir).change(Change::Rename(from_name, to_name));
        } else {
            lock(&to_dir).change(Change::Add(to_name, node));
            lock(&from_dir).change(Change::Remove(from_name));
        }
        Ok(())
    }

    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        self.file(path)?;
        let (parent, name) = self.parent(path)?;
        lock(&parent).change(Change::Remove(name));
        Ok(())
    }

    pub(super) fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut at = Arc::clone(&self.root);
        for name in names(path)? {
            let existing = lock(&at).current.get(&name).cloned();
            at = match existing {
                Some(Node::Dir(dir)) => dir,
                Some(Node::File(_)) => return Err(io::ErrorKind::NotADirectory.into()),
                None => {
                    let dir = Arc::new(Mutex::new(Dir::default()));
                    lock(&at).change(Change::Add(name, Node::Dir(Arc::clone(&dir))));
                    dir
                }
            };
        }
        Ok(())
    }

    pub(super) fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let dir = self.dir(path)?;
        if !lock(&dir).current.is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        let (parent, name) = self.parent(path)?;
        lock(&parent).change(Change::Remove(name));
        Ok(())
    }

    pub(super) fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let dir = match self.dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            dir => dir?,
        };
        let mut dir = lock(&dir);
        for change in std::mem::take(&mut dir.pending) {
            apply(&mut dir.durable, &change);
        }
        Ok(())
    }

    /// The bytes in all files.
    pub(super) fn used(&self) -> u64 {
        used(&self.root)
    }

    pub(super) fn lose_power(&mut self, entropy: &mut Entropy) {
        lose_power(&self.root, entropy);
    }

    /// A tree of its own, changes that are not durable included.
    pub(super) fn deep_clone(&self) -> Self {
        let mut copies = Copies::default();
        Self { root: copies.dir(&self.root) }
    }

    fn node(&self, path: &Path) -> io::Result<Node> {
        let (parent, name) = self.parent(path)?;
        let node = lock(&parent).current.get(&name).cloned();
        node.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn parent(&self, path: &Path) -> io::Result<(Arc<Mutex<Dir>>, String)> {
        let mut names = names(path)?;
        let name = names.pop().ok_or(io::ErrorKind::InvalidInput)?;
        Ok((self.descend(&names)?, name))
    }

    fn dir(&self, path: &Path) -> io::Result<Arc<Mutex<Dir>>> {
        self.descend(&names(path)?)
    }

    fn descend(&self, names: &[String]) -> io::Result<Arc<Mutex<Dir>>> {
        let mut at = Arc::clone(&self.root);
        for name in names {
            let next = lock(&at).current.get(name).cloned();
            at = match next {
                Some(Node::Dir(dir)) => dir,
                Some(Node::File(_)) => return Err(io::ErrorKind::NotADirectory.into()),
                None => return Err(io::ErrorKind::NotFound.into()),
            };
        }
        Ok(at)
    }
}

fn lose_power(dir: &Mutex<Dir>, entropy: &mut Entropy) {
    let mut dir = lock(dir);
    let pending = std::mem::take(&mut dir.pending);
    let kept = match entropy.below(3) {
        0 => 0,
        1 => pending.len(),
        _ => entropy.below(pending.len() as u64 + 1) as usize,
    };
    for change in pending.iter().take(kept) {
        apply(&mut dir.durable, change);
    }
    dir.current = dir.durable.clone();
    for node in dir.current.values() {
        match node {
            Node::File(inode) => inode::lock(inode).lose_power(entropy),
            Node::Dir(dir) => lose_power(dir, entropy),
        }
    }
}

fn used(dir: &Mutex<Dir>) -> u64 {
    let size = |node: &Node| match node {
        Node::File(inode) => inode::lock(inode).current.len() as u64,
        Node::Dir(dir) => used(dir),
    };
    lock(dir).current.values().map(size).sum()
}

/// Which copy was made of which original, so that a file under two names stays one file.
#[derive(Default)]
struct Copies {
    files: BTreeMap<usize, Arc<Mutex<Inode>>>,
    dirs: BTreeMap<usize, Arc<Mutex<Dir>>>,
}

impl Copies {
    fn dir(&mut self, original: &Arc<Mutex<Dir>>) -> Arc<Mutex<Dir>> {
        let key = Arc::as_ptr(original) as usize;
        if let Some(copy) = self.dirs.get(&key) {
            return Arc::clone(copy);
        }
        let original = lock(original);
        let copy = Dir {
            current: original.current.iter().map(|(name, node)| (name.clone(), self.node(node))).collect(),
            durable: original.durable.iter().map(|(name, node)| (name.clone(), self.node(node))).collect(),
            pending: original.pending.iter().map(|change| self.change(change)).collect(),
        };
        let copy = Arc::new(Mutex::new(copy));
        self.dirs.insert(key, Arc::clone(&copy));
        copy
    }

    fn node(&mut self, node: &Node) -> Node {
        match node {
            Node::Dir(dir) => Node::Dir(self.dir(dir)),
            Node::File(inode) => {
                let key = Arc::as_ptr(inode) as usize;
                let copy =
                    self.files.entry(key).or_insert_with(|| Arc::new(Mutex::new(inode::lock(inode).clone())));
                Node::File(Arc::clone(copy))
            }
        }
    }

    fn change(&mut self, change: &Change) -> Change {
        match change {
            Change::Add(name, node) => Change::Add(name.clone(), self.node(node)),
            other => other.clone(),
        }
    }
}

/// The names on the way to a path, from the root; relative paths are taken to start there, too.
fn names(path: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) => {
                names.push(name.to_str().ok_or(io::ErrorKind::InvalidInput)?.to_owned());
            }
            Component::ParentDir | Component::Prefix(_) => return Err(io::ErrorKind::InvalidInput.into()),
        }
    }
    Ok(names)
}
