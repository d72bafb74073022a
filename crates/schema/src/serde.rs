//! The trait that turns values of one type into bytes and back.

use std::sync::Arc;

use crate::{SerdeError, short_type_name};

/// Turns values of `T` into bytes and back.
///
/// The same value must always give the same bytes: keys are compared and partitioned as bytes. (For JSON that means
/// maps with an order, such as `BTreeMap`, and no `HashMap`.)
///
/// A record's key or value can also be *null*, which is no bytes at all and differs from empty bytes. A plain serde
/// never writes it and cannot read it; [`optional`](crate::optional) maps it to `None`.
pub trait Serde<T>: Send + Sync + 'static {
    /// Appends the bytes of `value` to `out`. On an error, `out` may hold some of them.
    fn serialize(&self, value: &T, out: &mut Vec<u8>) -> Result<(), SerdeError>;

    /// Reads the value that exactly these bytes stand for.
    fn deserialize(&self, bytes: &[u8]) -> Result<T, SerdeError>;

    /// True if `value` is to be written as null; then `serialize` is not called.
    fn is_null(&self, value: &T) -> bool {
        let _ = value;
        false
    }

    /// The value that null stands for; `None` if null is not a value of `T`.
    fn null(&self) -> Option<T> {
        None
    }

    /// The name of the format, for people and for `topology.lock`: two serdes of one name write the same bytes for the
    /// same value. The name of the serde's type, unless it has a better one.
    fn describe(&self) -> String {
        short_type_name::<Self>()
    }

    /// Appends the bytes of `value`; false, and nothing appended, if it is written as null.
    fn serialize_nullable(&self, value: &T, out: &mut Vec<u8>) -> Result<bool, SerdeError> {
        if self.is_null(value) {
            return Ok(false);
        }
        self.serialize(value, out).map(|()| true)
    }

    /// Reads bytes or null.
    fn deserialize_nullable(&self, bytes: Option<&[u8]>) -> Result<T, SerdeError> {
        match bytes {
            Some(bytes) => self.deserialize(bytes),
            None => self.null().ok_or_else(SerdeError::unexpected_null::<T>),
        }
    }
}

impl<T: 'static, S: Serde<T> + ?Sized> Serde<T> for Arc<S> {
    fn serialize(&self, value: &T, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        (**self).serialize(value, out)
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<T, SerdeError> {
        (**self).deserialize(bytes)
    }

    fn is_null(&self, value: &T) -> bool {
        (**self).is_null(value)
    }

    fn null(&self) -> Option<T> {
        (**self).null()
    }

    fn describe(&self) -> String {
        (**self).describe()
    }
}
