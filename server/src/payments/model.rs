//! Payments and the ways to pay.

use std::collections::BTreeMap;
use std::sync::Arc;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::money::Currency;
use bilten_kernel::{record, text_enum, typed_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::catalog::EventId;
use crate::catalog::questions::SaidAnswers;
use crate::sales::fraud::OrderFacts;
use crate::sales::limits::BuyerOrigin;
use crate::sales::{
    ActivePolicy, Buyer, HoldId, ItemRequest, NewOrder, OrderDetail, OrderId, TicketRequest,
};

typed_id!(pub PaymentId, "pay", "Names a payment.");

text_enum! {
    /// Where a payment stands.
    ///
    /// ```text
    /// pending ──▶ succeeded ──▶ refunded
    ///    └──▶ declined
    /// ```
    pub enum PaymentState {
        /// The provider has not answered yet.
        Pending = "pending",
        /// The money is there.
        Succeeded = "succeeded",
        /// The provider said no.
        Declined = "declined",
        /// The money went back.
        Refunded = "refunded",
    }
}

/// How somebody wants to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum PaymentMethod {
    /// The sandbox: behaves as `outcome` says and moves no money.
    Sandbox {
        /// What will happen.
        outcome: SandboxOutcome,
        /// With which test card: the same word is the same card, as if a provider named it by a fingerprint.
        /// Without one the sandbox names no means of payment. Never the number of a card.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>, pattern = "^[a-z][a-z0-9_]{0,39}$", example = "visa_1")]
        card: Option<TestCard>,
    },
    /// Nothing is due.
    Free,
}

impl PaymentMethod {
    /// Whether money moves: in a sandbox, none does.
    pub const fn moves_money(&self) -> bool {
        match self {
            Self::Sandbox { .. } | Self::Free => false,
        }
    }

    /// Whether it says by which means it is paid: such a request is kept by no hash that could be tried.
    pub const fn names_means(&self) -> bool {
        matches!(self, Self::Sandbox { card: Some(_), .. })
    }

    /// The provider's name as it is stored.
    pub const fn provider(&self) -> &'static str {
        match self {
            Self::Sandbox { .. } => "sandbox",
            Self::Free => "free",
        }
    }
}

/// A test card of the sandbox: a word that stands for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TestCard(String);

/// The text is not the word of a test card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a test card is a word of up to 40 of a-z, 0-9 and _ that begins with a letter")]
pub struct TestCardError;

impl TestCard {
    /// Its word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TestCard {
    type Error = TestCardError;

    /// Begins with a letter, so that nobody sends us the number of a real card.
    fn try_from(text: String) -> Result<Self, TestCardError> {
        let is_word = text.len() <= 40
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if is_word {
            Ok(Self(text))
        } else {
            Err(TestCardError)
        }
    }
}

impl From<TestCard> for String {
    fn from(card: TestCard) -> Self {
        card.0
    }
}

text_enum! {
    /// What the sandbox does with a payment.
    pub enum SandboxOutcome {
        /// It succeeds at once.
        Succeed = "succeed",
        /// It is declined at once, as a card without cover: `insufficient_funds`.
        Decline = "decline",
        /// It is declined at once: `expired_card`.
        DeclineExpiredCard = "decline_expired_card",
        /// It is declined at once: `suspected_fraud`.
        DeclineSuspectedFraud = "decline_suspected_fraud",
        /// The provider calls back after a few seconds: it is declined then, `insufficient_funds`.
        DeclineLate = "decline_late",
        /// The provider never answers: the order expires.
        TimeOut = "time_out",
        /// The provider calls back after a few seconds: it succeeds then.
        CallBackLate = "call_back_late",
    }
}

record! {
    /// An attempt to pay for an order.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct Payment {
        /// Its id.
        pub id: PaymentId,
        /// The order it pays for.
        pub order_id: OrderId,
        /// Who carries it out.
        pub provider: String,
        /// Where it stands.
        pub state: PaymentState,
        /// How much, in minor units.
        pub amount_minor: i64,
        /// In which currency (ISO 4217).
        pub currency: Currency,
        /// Why it was declined, as a stable code.
        pub decline_code: Option<String>,
        /// When it was asked for.
        pub created_at: Timestamp,
        /// When it was last heard of.
        pub updated_at: Timestamp,
    }
}

typed_id!(pub RefundId, "ref", "Names an amount that goes back.");

text_enum! {
    /// Where an amount that goes back stands.
    pub enum RefundState {
        /// Nobody gave it back yet: no payment can, so it is paid in another way.
        Owed = "owed",
        /// It went back to where it came from.
        Succeeded = "succeeded",
    }
}

record! {
    /// An amount that goes back.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct Refund {
        /// Its id.
        pub id: RefundId,
        /// The order for which it goes back.
        pub order_id: OrderId,
        /// The payment that it is of; none while it is owed.
        pub payment_id: Option<PaymentId>,
        /// How much, in minor units.
        pub amount_minor: i64,
        /// In which currency (ISO 4217).
        pub currency: Currency,
        /// Where it stands.
        pub state: RefundState,
        /// Since when.
        pub created_at: Timestamp,
    }
}

/// A wish to buy: what, who, and how it is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PurchaseRequest {
    /// The event.
    pub event: EventId,
    /// What is bought; may be left out if `hold` is given.
    #[serde(default)]
    pub items: Vec<ItemRequest>,
    /// The hold whose capacity, seats, codes and price are taken over.
    pub hold: Option<HoldId>,
    /// Promo codes, where there is no hold that has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<String>,
    /// Who buys.
    pub buyer: Buyer,
    /// Answers to the questions that are asked of each order, by question.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub answers: SaidAnswers,
    /// Who comes with each ticket and what they answer, in the order of the tickets: line by line of
    /// the hold or the quote, unit by unit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<TicketRequest>,
    /// How it is paid.
    pub payment: PaymentMethod,
    /// From where it is bought; nobody says that of themselves.
    #[serde(skip)]
    pub origin: BuyerOrigin,
}

/// A request to pay for an order whose last payment was declined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentRequest {
    /// How it is paid.
    pub payment: PaymentMethod,
}

/// An order to be placed together with its first payment.
#[derive(Clone, Debug)]
pub struct Purchase {
    /// The order.
    pub(super) order: NewOrder,
    /// The first payment.
    pub(super) payment: PaymentId,
    /// How it is paid.
    pub(super) method: PaymentMethod,
    /// What is known of how suspicious it looks.
    pub(super) facts: OrderFacts,
    /// The rules that score it.
    pub(super) policy: Arc<ActivePolicy>,
}

/// An order and what became of its payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchased {
    /// The order.
    pub order: OrderDetail,
    /// Its latest payment.
    pub payment: Payment,
    /// Whether it was placed by this request, not by an earlier one with the same key.
    pub is_new: bool,
}
