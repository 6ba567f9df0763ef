//! Holds and orders, and the rules that need no database.
//!
//! | file | holds |
//! |---|---|
//! | `item.rs` | lines of holds and orders, and the seats that they are for |
//! | `hold.rs` | capacity that is reserved until a time |
//! | `order.rs` | orders, and where they stand in their life |
//! | `place.rs` | orders that are to be placed, and what became of them |
//! | `price.rs` | what tickets cost, and how that comes about |
//! | `stock.rs` | the stock of tiers and events |
//! | `available.rs` | what everybody may be told of it |
//! | `buyer.rs` | who buys |
//! | `rules.rs` | what an organiser asks of those who buy |
//! | `settings.rs` | that and purchase limits as two may change them at once |
//! | `review.rs` | orders that look suspicious |
//! | `desk.rs` | what staff does with orders |
//! | `figures.rs` | what is counted of orders |

mod available;
mod buyer;
mod desk;
mod figures;
mod hold;
mod item;
mod order;
mod place;
mod price;
mod review;
mod rules;
mod settings;
mod stock;

pub use available::*;
pub use buyer::*;
pub use desk::*;
pub use figures::*;
pub use hold::*;
pub use item::*;
pub use order::*;
pub use place::*;
pub use price::*;
pub use review::*;
pub use rules::*;
pub use settings::*;
pub use stock::*;
