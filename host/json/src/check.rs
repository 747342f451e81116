//! What a check of a message found, as callers read it: everything that is wrong, what it would count as, and how it reads
//! where there is nothing but text.

use crate::finding::{FindingView, all_of_message, of_shape};
use gateway_channel::{Finding, Message, PlainForm, Report, TextEncoding};
use serde::Serialize;

/// Everything about one message; of what is no message only the findings.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CheckView {
    /// All at once.
    pub findings: Vec<FindingView>,
    /// How the platform would charge for it, in its own words.
    pub message_class: Option<String>,
    /// As which it would charge.
    pub segments: Option<u32>,
    /// As it would be sent.
    pub bytes: Option<u32>,
    /// For a channel that has nothing else; none if nothing of the message can be said there.
    pub plain_text: Option<PlainView>,
}

/// A message as plain text, and what it takes as SMS.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlainView {
    text: String,
    /// `gsm7` or `ucs2`
    encoding: &'static str,
    /// 0 if SMS cannot carry it.
    segments: u32,
}

impl CheckView {
    /// Of a message, perhaps one that only could be made of JSON whose shape is wrong.
    pub fn of_message(
        shape: Vec<Finding>,
        report: Report,
        plain: PlainForm,
        message: &Message,
    ) -> Self {
        let encoding = match plain.encoding {
            TextEncoding::Gsm7 => "gsm7",
            TextEncoding::Ucs2 => "ucs2",
        };
        Self {
            findings: all_of_message(shape, report.findings, message),
            message_class: report.message_class,
            segments: report.segments,
            bytes: Some(report.payload_bytes),
            plain_text: (!plain.text.is_empty()).then_some(PlainView {
                text: plain.text,
                encoding,
                segments: plain.segments,
            }),
        }
    }

    /// Of what is no message.
    pub fn of_no_message(shape: Vec<Finding>) -> Self {
        Self {
            findings: shape.into_iter().map(of_shape).collect(),
            ..Self::default()
        }
    }
}
