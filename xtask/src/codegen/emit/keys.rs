//! The list of APIs, and the list of modules.

use crate::codegen::model::{Api, Module};
use crate::codegen::versions::Versions;

/// The module `api_key`.
pub(crate) fn api_keys(modules: &[Module]) -> String {
    let mut apis: Vec<&Api> = modules.iter().filter_map(|module| module.api.as_ref()).collect();
    apis.sort_by_key(|api| api.code);
    let each = |line: fn(&Api) -> String| apis.iter().map(|api| line(api)).collect::<String>();

    format!(
        r"//! The APIs of the protocol: their codes, the versions known here, and their first flexible versions.
//!
//! Written by `cargo xtask codegen` from the field tables; do not edit.

use std::fmt;
use std::ops::RangeInclusive;

/// An API of the protocol that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i16)]
pub enum ApiKey {{ {variants} }}

impl ApiKey {{
    /// Every API that is known here, by code.
    pub const ALL: &[Self] = &[{all}];

    /// Its code on the wire.
    pub const fn code(self) -> i16 {{
        self as i16
    }}

    /// The API of a code, if it is known here.
    pub const fn from_code(code: i16) -> Option<Self> {{
        Some(match code {{ {from_code} _ => return None }})
    }}

    /// Its name in the protocol.
    pub const fn name(self) -> &'static str {{
        self.facts().0
    }}

    /// The versions that can be read and written.
    pub const fn versions(self) -> RangeInclusive<i16> {{
        let (_, oldest, newest, _) = self.facts();
        oldest..=newest
    }}

    /// The first flexible version (KIP-482); `i16::MAX` if there is none.
    pub const fn first_flexible(self) -> i16 {{
        self.facts().3
    }}

    /// Name, oldest version, newest version, first flexible version.
    const fn facts(self) -> (&'static str, i16, i16, i16) {{
        match self {{ {facts} }}
    }}
}}

impl fmt::Display for ApiKey {{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {{
        f.pad(self.name())
    }}
}}
",
        variants = each(|api| format!(
            "/// Code {}, versions {}.\n{} = {},\n",
            api.code, api.versions, api.name, api.code
        )),
        all = each(|api| format!("Self::{},", api.name)),
        from_code = each(|api| format!("{} => Self::{},", api.code, api.name)),
        facts = each(|api| {
            let Versions { first, last } = api.versions;
            let flexible = first_flexible(api.first_flexible);
            format!("Self::{name} => (\"{name}\", {first}, {last}, {flexible}),", name = api.name)
        }),
    )
}

/// The module `messages`.
pub(crate) fn message_modules(modules: &[Module]) -> String {
    let mut text = "//! The messages of the protocol, one module per API, and data that is laid out alike.
//!
//! Fields are named as in Kafka, in snake case. What a version lacks has its default when read, and is left out when
//! written.
//!
//! Written by `cargo xtask codegen` from the field tables; do not edit.\n\n"
        .to_owned();
    text.extend(modules.iter().map(|module| format!("pub mod {};\n", module.name)));
    text + "\npub use crate::message::{Message, Request};\n"
}

/// The constant for the first flexible version.
pub(super) fn first_flexible(first: Option<i16>) -> String {
    first.map_or_else(|| "i16::MAX".to_owned(), |first| first.to_string())
}
