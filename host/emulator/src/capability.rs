//! What phones say they can show. (reference/rest/v1/phones/getCapabilities)

use crate::phone::Phone;
use rbm_wire::message::Capabilities;

/// None for a phone without RCS.
pub(crate) fn capabilities(phone: &Phone) -> Option<Capabilities> {
    let features = FEATURES.map(str::to_owned).to_vec();
    phone.rcs.then_some(Capabilities { features, carrier: None })
}

const FEATURES: [&str; 8] = [
    "RICHCARD_STANDALONE",
    "RICHCARD_CAROUSEL",
    "ACTION_CREATE_CALENDAR_EVENT",
    "ACTION_DIAL",
    "ACTION_OPEN_URL",
    "ACTION_SHARE_LOCATION",
    "ACTION_VIEW_LOCATION",
    "ACTION_OPEN_URL_IN_WEBVIEW",
];
