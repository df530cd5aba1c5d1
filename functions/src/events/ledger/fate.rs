//! The fate of each message, and a model that acts on it.

use crate::aws::AwsFailure;
use crate::model::{Family, ImageModel, ModelError, bedrock};
use crate::picture::Picture;
use crate::prompt::Prompt;
use crate::random::Random;
use crate::studio::tests::picture;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

/// Pseudo-random numbers that follow from a seed (SplitMix64).
pub(super) struct Dice(pub(super) Cell<u64>);

impl Dice {
    pub(super) fn throw(&self) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut word = self.0.get();
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Returns true in `percent` of 100 cases.
    pub(super) fn percent(&self, percent: u64) -> bool {
        self.throw() % 100 < percent
    }
}

impl Random for Dice {
    fn up_to(&self, most: u32) -> u32 {
        u32::try_from(self.throw() % (u64::from(most) + 1)).unwrap()
    }
}

/// The fate of a message, which follows from its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Fine,
    ThrottledAtFirst,
    UnavailableAtFirst,
    SilentAtFirst,
    GarbledAtFirst,
    /// Bedrock refuses the account, whatever the prompt: it answers with a `ValidationException` and one of four texts.
    NotAllowed,
    ModelEnded,
    AlwaysThrottled,
    Filtered,
    FilteredByText,
    Blank,
    TooLong,
}

const FATES: [Fate; 12] = [
    Fate::Fine,
    Fate::ThrottledAtFirst,
    Fate::UnavailableAtFirst,
    Fate::SilentAtFirst,
    Fate::GarbledAtFirst,
    Fate::NotAllowed,
    Fate::ModelEnded,
    Fate::AlwaysThrottled,
    Fate::Filtered,
    Fate::FilteredByText,
    Fate::Blank,
    Fate::TooLong,
];

const NOT_ALLOWED: [&str; 4] = [
    "Operation not allowed",
    "Your account is not authorized to invoke this API operation.",
    "Malformed input request: #: extraneous key [aspect_ratio] is not permitted, please reformat your input and try again.",
    "Malformed input request: #: required key [image] not found, please reformat your input and try again.",
];

impl Fate {
    pub(super) fn of(number: u32) -> Self {
        // At least two of three messages have no fault.
        match number % 3 {
            0 => FATES[usize::try_from(number / 3).unwrap() % FATES.len()],
            _ => Self::Fine,
        }
    }

    pub(super) fn prompt(self, number: u32) -> String {
        match self {
            Self::Blank => " ".to_owned(),
            Self::TooLong => "x".repeat(513),
            _ => format!("{number} a couch on a mountain"),
        }
    }
}

/// A model that draws as the message's fate demands, and counts calls and payments.
#[derive(Default)]
pub(super) struct Model {
    pub(super) calls: RefCell<BTreeMap<u32, u32>>,
    pub(super) paid: RefCell<BTreeMap<u32, u32>>,
}

impl ImageModel for Model {
    fn prompt_limit(&self) -> usize {
        512
    }
    fn id(&self) -> &str {
        "model"
    }
    async fn draw(&self, prompt: &Prompt, _: u32) -> Result<Picture, ModelError> {
        let number: u32 = prompt.as_str().split(' ').next().unwrap().parse().unwrap();
        let call = {
            let mut calls = self.calls.borrow_mut();
            let call = calls.entry(number).or_default();
            *call += 1;
            *call
        };
        tokio::time::sleep(Duration::from_secs(3)).await;
        let error = |status: u16, code: &str, message: &str| {
            let failure = AwsFailure {
                status: Some(status),
                code: code.into(),
                message: message.into(),
                ..AwsFailure::default()
            };
            Err(bedrock::classify(Family::Titan, failure))
        };
        match Fate::of(number) {
            Fate::ThrottledAtFirst if call < 9 => error(429, "ThrottlingException", "Too many requests"),
            Fate::AlwaysThrottled => error(429, "ThrottlingException", "Too many tokens per day"),
            Fate::UnavailableAtFirst if call < 4 => error(503, "ServiceUnavailableException", ""),
            Fate::SilentAtFirst if call < 2 => std::future::pending().await,
            Fate::GarbledAtFirst if call < 2 => Err(ModelError::Unreadable("not base64".into())),
            Fate::NotAllowed => {
                let text = NOT_ALLOWED[usize::try_from(number / 3).unwrap() % NOT_ALLOWED.len()];
                error(400, "ValidationException", text)
            }
            Fate::ModelEnded => error(404, "ResourceNotFoundException", "This model version has reached its end."),
            Fate::Filtered => Err(ModelError::Filtered("Filter reason: prompt".into())),
            Fate::FilteredByText => {
                error(400, "ValidationException", "This request has been blocked by our content filters.")
            }
            _ => {
                *self.paid.borrow_mut().entry(number).or_default() += 1;
                Ok(picture())
            }
        }
    }
}
