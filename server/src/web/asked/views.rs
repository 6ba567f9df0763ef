//! Questions as the form's template takes them.

use super::super::details::TextView;
use super::super::form::Faults;

/// All that is asked.
pub(in crate::web) struct AskedView {
    /// Of the order.
    pub(in crate::web) order: Vec<QuestionView>,
    /// Of each ticket.
    pub(in crate::web) tickets: Vec<TicketView>,
    /// Whether files answer any of it.
    pub(in crate::web) has_files: bool,
}

/// What is asked of one ticket.
pub(in crate::web) struct TicketView {
    /// Which one.
    pub(in crate::web) title: String,
    /// Its date and its seat, if they tell it from others.
    pub(in crate::web) place: String,
    /// What is asked.
    pub(in crate::web) questions: Vec<QuestionView>,
}

/// A question.
pub(in crate::web) struct QuestionView {
    /// The field, which is also where the summary of faults leads to.
    pub(in crate::web) field: String,
    pub(in crate::web) label: TextView,
    pub(in crate::web) help: TextView,
    /// When it applies; empty if always.
    pub(in crate::web) only_if: Vec<String>,
    /// The same for the script, as JSON; empty if always.
    pub(in crate::web) when: String,
    /// What the answer may be.
    pub(in crate::web) hint: String,
    /// Whether it must be answered if it applies.
    pub(in crate::web) is_required: bool,
    pub(in crate::web) fault: Option<String>,
    /// The ids of what describes it.
    pub(in crate::web) described: String,
    // One of these.
    pub(in crate::web) line: Option<LineView>,
    /// A text of several lines.
    pub(in crate::web) lines: Option<String>,
    /// Choices of which one is ticked.
    pub(in crate::web) radios: Option<Vec<ChoiceView>>,
    /// Choices of which some are ticked.
    pub(in crate::web) boxes: Option<Vec<ChoiceView>>,
    /// Choices in a list to open.
    pub(in crate::web) list: Option<Vec<ChoiceView>>,
    /// Whether a consent is given.
    pub(in crate::web) consent: Option<bool>,
    pub(in crate::web) file: Option<FileView>,
}

/// A field of one line.
#[derive(Default)]
pub(in crate::web) struct LineView {
    pub(in crate::web) kind: &'static str,
    pub(in crate::web) value: String,
    pub(in crate::web) mode: &'static str,
    pub(in crate::web) most: String,
    pub(in crate::web) from: String,
    pub(in crate::web) until: String,
}

/// Something to choose.
pub(in crate::web) struct ChoiceView {
    pub(in crate::web) value: String,
    pub(in crate::web) label: TextView,
    pub(in crate::web) is_chosen: bool,
}

/// A file to choose.
pub(in crate::web) struct FileView {
    /// The media types that are taken.
    pub(in crate::web) accept: String,
    /// The file that was sent already.
    pub(in crate::web) sent: Option<SentView>,
}

/// A file that was sent.
pub(in crate::web) struct SentView {
    pub(in crate::web) id: String,
    pub(in crate::web) name: String,
}

impl QuestionView {
    /// Whether it has several fields, which its words stand over.
    pub(in crate::web) const fn is_group(&self) -> bool {
        self.radios.is_some() || self.boxes.is_some()
    }

    /// Whether it is a consent that is given.
    pub(in crate::web) fn is_given(&self) -> bool {
        self.consent == Some(true)
    }

    /// Whether the browser may say that it must be answered: whether it applies is for the server to say.
    pub(in crate::web) const fn must(&self) -> bool {
        self.is_required && self.when.is_empty()
    }

    /// Something that has no field yet.
    pub(super) fn new(field: String, label: TextView, faults: &Faults) -> Self {
        Self {
            fault: faults.of(&field).map(str::to_owned),
            field,
            label,
            help: ours(String::new()),
            only_if: Vec::new(),
            when: String::new(),
            hint: String::new(),
            is_required: false,
            described: String::new(),
            line: None,
            lines: None,
            radios: None,
            boxes: None,
            list: None,
            consent: None,
            file: None,
        }
    }

    /// The same, with what describes it.
    pub(super) fn described(mut self) -> Self {
        let parts = [
            ("help", !self.help.is_empty()),
            ("when", !self.only_if.is_empty()),
            ("hint", !self.hint.is_empty()),
            ("fault", self.fault.is_some()),
        ];
        let there = parts.iter().filter(|(_, is_there)| *is_there);
        let ids: Vec<String> = there
            .map(|(part, _)| format!("{}-{part}", self.field))
            .collect();
        self.described = ids.join(" ");
        self
    }
}

/// A text of ours.
pub(super) fn ours(text: String) -> TextView {
    TextView {
        text,
        lang: "en".to_owned(),
        dir: "ltr",
    }
}
