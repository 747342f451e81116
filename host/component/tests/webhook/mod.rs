//! A webhook request as Google makes one, around any document and with any signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_channel::{Header, Setting, WebhookRequest};

/// In the envelope as captured from the platform in 2022, with the fields that a later page adds.
pub(crate) fn request(document: &[u8], signature: &str) -> WebhookRequest {
    let data = STANDARD.encode(document);
    let body = format!(
        r#"{{"message":{{"data":"{data}","attributes":{{"project_number":"129459109761","product":"RBM","message_type":"TEXT",
            "business_id":"agent@rbm.goog","type":"message"}},"messageId":"6267774379637729","message_id":"6267774379637729",
            "publishTime":"2022-11-17T05:15:14.538Z","publish_time":"2022-11-17T05:15:14.538Z"}},"subscription":"projects/p/subscriptions/s"}}"#
    );
    let signature = Header {
        name: "X-Goog-Signature".into(),
        value: signature.into(),
    };
    WebhookRequest {
        method: "POST".into(),
        url: "/webhooks/rbm/bot".into(),
        headers: vec![
            Header {
                name: "content-type".into(),
                value: "application/json".into(),
            },
            signature,
        ],
        body: body.into_bytes(),
    }
}

pub(crate) fn setting(name: &str, value: &str) -> Setting {
    Setting {
        name: name.into(),
        value: value.into(),
    }
}
