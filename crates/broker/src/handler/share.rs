//! What ShareFetch and ShareAcknowledge share: sessions, and what members say of records.

use std::collections::{BTreeMap, BTreeSet};

use headwater_coordinator::{
    Acknowledge, AcknowledgementBatch, Acknowledgements, Groups, Refused, SharePartitionId,
};
use headwater_model::{ErrorCode, Offset, PartitionId, Uuid};

use crate::api::Context;
use crate::groups::settings::GroupSettings;
use crate::share::sessions::{CLOSES, OPENS, Place, SessionKey};
use crate::storage::lock;

/// From this version on a member may say that it is still at a record.
pub(super) const FIRST_VERSION_WITH_RENEWAL: i16 = 2;

/// Records that follow each other, and what a request says of them.
pub(super) struct Said {
    pub(super) place: Place,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) types: Vec<i8>,
}

/// What came of what was said, of each partition.
pub(super) type Outcomes = BTreeMap<Place, Result<(), Refused>>;

/// Whose session a request is of.
pub(super) fn key(group: Option<String>, member: Option<String>) -> Result<SessionKey, Refused> {
    let missing = |what: &str| Refused {
        error: ErrorCode::InvalidRequest,
        message: format!("A request of a share session names no {what}."),
    };
    let group = group.filter(|group| !group.is_empty()).ok_or_else(|| missing("group"))?;
    let member = member.filter(|member| !member.is_empty()).ok_or_else(|| missing("member"))?;
    Ok(SessionKey { group: group.into(), member: member.into() })
}

/// Opens a session, goes on with it, or ends it.
pub(super) async fn proceed(
    context: &Context,
    key: &SessionKey,
    epoch: i32,
    added: BTreeSet<Place>,
    forgotten: &BTreeSet<Place>,
) -> Result<(), ErrorCode> {
    let sessions = context.broker.share().sessions();
    match epoch {
        OPENS => {
            check_member(context, key).await?;
            lock(sessions).open(key.clone(), context.connection, added)
        }
        CLOSES if lock(sessions).close(key) => Ok(()),
        CLOSES => Err(ErrorCode::ShareSessionNotFound),
        _ => lock(sessions).proceed(key, epoch, added, forgotten),
    }
}

/// Sessions are for members.
async fn check_member(context: &Context, key: &SessionKey) -> Result<(), ErrorCode> {
    let wanted = key.clone();
    let look = move |groups: &Groups| {
        let group = groups.describe_share_group(&wanted.group).ok_or(ErrorCode::GroupIdNotFound)?;
        let is_member = group.members.iter().any(|member| member.member == wanted.member);
        if is_member { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
    };
    context.broker.look_at_group(&key.group, look).await?
}

/// Takes what members say to where it is kept. Nothing of a partition is taken if any of it cannot be understood.
pub(super) async fn acknowledge(
    context: &Context,
    key: &SessionKey,
    may_renew: bool,
    said: Vec<Said>,
) -> Outcomes {
    let mut batches: BTreeMap<Place, Result<Vec<AcknowledgementBatch>, Refused>> = BTreeMap::new();
    for said in said {
        let of_place = batches.entry(said.place).or_insert_with(|| Ok(Vec::new()));
        match (of_place.as_mut(), read(&said, may_renew)) {
            (Ok(batches), Ok(batch)) => batches.push(batch),
            (Ok(_), Err(refused)) => *of_place = Err(refused),
            (Err(_), _) => {}
        }
    }
    let mut outcomes = Outcomes::new();
    let (mut places, mut understood) = (Vec::new(), Vec::new());
    for (place, batches) in batches {
        match batches {
            Ok(batches) => {
                places.push(place);
                understood.push(of_partition(key, place, batches));
            }
            Err(refused) => drop(outcomes.insert(place, Err(refused))),
        }
    }
    if places.is_empty() {
        return outcomes;
    }
    match context.broker.acknowledge(&key.group, understood).await {
        Ok(settled) => outcomes.extend(places.into_iter().zip(settled)),
        Err(error) => outcomes.extend(places.into_iter().map(|place| (place, Err(error.into())))),
    }
    outcomes
}

fn of_partition(
    key: &SessionKey,
    (topic, partition): Place,
    batches: Vec<AcknowledgementBatch>,
) -> (SharePartitionId, Acknowledgements) {
    let id = SharePartitionId { group: key.group.clone(), topic, partition };
    (id, Acknowledgements { member: key.member.clone(), batches })
}

fn read(said: &Said, may_renew: bool) -> Result<AcknowledgementBatch, Refused> {
    let known = |id: &i8| {
        let known = Acknowledge::from_id(*id).filter(|one| may_renew || *one != Acknowledge::Renew);
        known.ok_or_else(|| Refused {
            error: ErrorCode::InvalidRequest,
            message: format!("There is no acknowledgement of type {id} here."),
        })
    };
    let types = said.types.iter().map(known).collect::<Result<_, _>>()?;
    Ok(AcknowledgementBatch { first: Offset(said.first), last: Offset(said.last), types })
}

/// After the last request of a session: what the member still holds may be had by others.
pub(super) async fn release_if_closed(context: &Context, key: SessionKey, epoch: i32) {
    if epoch == CLOSES {
        context.broker.release_acquired(key).await;
    }
}

/// The places of a request.
pub(super) fn places(topic: Uuid, partitions: impl IntoIterator<Item = i32>) -> impl Iterator<Item = Place> {
    partitions.into_iter().map(move |partition| (topic, PartitionId(partition)))
}

/// For how long records are acquired, in milliseconds.
pub(super) fn lock_timeout(settings: &GroupSettings) -> i32 {
    super::groups::millis(settings.share_partitions().lock_duration)
}
