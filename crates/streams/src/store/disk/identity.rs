//! Whose a folder is.
//!
//! It says in entries of text which format it has, which application and task made it, and what each of its stores is.

use std::collections::BTreeMap;
use std::path::Path;

use super::StateError;
use crate::topology::TaskId;

/// What the keys of all entries begin with.
pub(super) const PREFIX: &str = "is/";

/// The format of a folder.
const FORMAT: &str = "2";

const FORMAT_KEY: &str = "is/format";
const APPLICATION_KEY: &str = "is/application";
const TASK_KEY: &str = "is/task";
const STORE_KEY: &str = "is/store/";

/// Who wants to use a folder.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) application: String,
    pub(crate) task: TaskId,
    /// What each store is, by its name.
    pub(crate) stores: BTreeMap<String, String>,
}

impl Identity {
    /// The entries that the folder lacks, if those that it has are ours.
    pub(super) fn check(
        &self,
        found: &[(String, String)],
        folder: &Path,
    ) -> Result<Vec<(String, String)>, StateError> {
        let own = self.entries();
        for (key, value) in found {
            if own.get(key) != Some(value) {
                return Err(self.refusal(key, value, folder));
            }
        }
        let known = |key: &String| found.iter().any(|(found, _)| found == key);
        Ok(own.into_iter().filter(|(key, _)| !known(key)).collect())
    }

    fn entries(&self) -> BTreeMap<String, String> {
        let stores = self.stores.iter().map(|(name, kind)| (format!("{STORE_KEY}{name}"), kind.clone()));
        let mut entries: BTreeMap<_, _> = stores.collect();
        entries.insert(FORMAT_KEY.to_owned(), FORMAT.to_owned());
        entries.insert(APPLICATION_KEY.to_owned(), self.application.clone());
        entries.insert(TASK_KEY.to_owned(), self.task.to_string());
        entries
    }

    fn refusal(&self, key: &str, found: &str, folder: &Path) -> StateError {
        let (folder, found) = (folder.to_owned(), found.to_owned());
        let foreign = |what, expected| StateError::Foreign {
            folder: folder.clone(),
            what,
            found: found.clone(),
            expected,
        };
        match key {
            APPLICATION_KEY => foreign("application", self.application.clone()),
            TASK_KEY => foreign("task", self.task.to_string()),
            FORMAT_KEY => StateError::Format { folder, found, expected: FORMAT },
            key => {
                let store = key.strip_prefix(STORE_KEY).unwrap_or(key).to_owned();
                let expected = self.stores.get(&store).map_or("not there", String::as_str).to_owned();
                StateError::Topology { folder, store, found, expected }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use headwater_model::PartitionId;

    use super::*;

    fn identity() -> Identity {
        Identity {
            application: "app".to_owned(),
            task: TaskId { sub_topology: 1, partition: PartitionId(2) },
            stores: [("counts".to_owned(), "value per key".to_owned())].into(),
        }
    }

    #[test]
    fn a_folder_is_its_makers_alone() {
        let own = identity().check(&[], Path::new("f")).unwrap();
        assert_eq!(own.len(), 4);
        assert_eq!(identity().check(&own, Path::new("f")).unwrap(), []);
        let changed = |key: &str, value: &str| {
            let entries = own
                .iter()
                .map(|(own, kept)| (own.clone(), if own == key { value.to_owned() } else { kept.clone() }));
            let found: Vec<_> = entries.collect();
            identity().check(&found, Path::new("f")).unwrap_err().to_string()
        };
        let refused = changed("is/application", "other");
        assert!(refused.contains("belongs to the application \"other\", not to \"app\""), "{refused}");
        let refused = changed("is/task", "0_2");
        assert!(refused.contains("belongs to the task \"0_2\", not to \"1_2\""), "{refused}");
        let refused = changed("is/format", "1");
        assert!(refused.contains("has format 1, and this version reads format 2"), "{refused}");
        let refused = changed("is/store/counts", "value per session");
        assert!(refused.contains("\"counts\" is value per session; now it is value per key"), "{refused}");
    }

    #[test]
    fn a_folder_gains_stores_and_loses_none() {
        let mut grown = identity();
        grown.stores.insert("sums".to_owned(), "value per key".to_owned());
        let own = identity().check(&[], Path::new("f")).unwrap();
        let new = grown.check(&own, Path::new("f")).unwrap();
        assert_eq!(new, [("is/store/sums".to_owned(), "value per key".to_owned())]);
        let all: Vec<_> = own.into_iter().chain(new).collect();
        let refused = identity().check(&all, Path::new("f")).unwrap_err().to_string();
        assert!(refused.contains("\"sums\" is value per key; now it is not there"), "{refused}");
    }
}
