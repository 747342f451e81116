//! Gives a file to RBM once, to be sent many times.

use crate::answer::{not_sent, object, unreadable};
use crate::check::{check_url, count};
use crate::finding::broken;
use crate::http::{Body, Host, Method, Response};
use crate::platform::Platform;
use crate::settings::Sender;
use gateway_channel::{
    ChannelFailure, Context, FileBytes, Finding, NewFile, NewFileSource, Payload, UploadedFile,
};
use rbm_wire::file::{CreateFile, File, KEPT_SECONDS, is_media_type};
use rbm_wire::quoted::Quoted;
use rbm_wire::time::{rfc_3339, unix_seconds};
use rbm_wire::{json, limits};

/// One file: an address that RBM fetches, or bytes. A second upload of the same file is a second file.
pub fn upload(
    host: &dyn Host,
    context: &Context,
    mut file: NewFile,
) -> Result<UploadedFile, ChannelFailure> {
    let sender = Sender::parse(context)?;
    // An empty address is none: proto3 has no other reading.
    file.thumbnail_url.take_if(|url| url.is_empty());
    let findings = check(&file);
    if !findings.is_empty() {
        return Err(not_sent(findings));
    }
    let platform = Platform {
        host,
        sender: &sender,
        now: &context.now,
    };
    let agent = sender.agent.bare();
    let response = match file.source {
        NewFileSource::Url(file_url) => {
            let file = CreateFile {
                file_url,
                thumbnail_url: file.thumbnail_url,
                agent_id: Some(agent.to_owned()),
            };
            let json = json::write(&file);
            platform.ask(Method::Post, "v1/files", Body::json(json))
        }
        NewFileSource::Bytes(FileBytes { mime_type, bytes }) => {
            let target = format!("upload/v1/files?agentId={agent}");
            platform.ask(Method::Post, &target, Body { mime_type, bytes })
        }
    };
    uploaded(&context.now, &response?)
}

/// The platform says no time: files are kept for 60 days.
fn uploaded(now: &str, response: &Response) -> Result<UploadedFile, ChannelFailure> {
    let file = File::read(object(response, File::has_field, File::FIELDS)?);
    let file = file.ok_or_else(|| unreadable(response, &"the file has no name"))?;
    let expires_at = unix_seconds(now).and_then(|now| rfc_3339(now + KEPT_SECONDS));
    Ok(UploadedFile {
        name: file.name,
        expires_at,
        details: Vec::new(),
    })
}

fn check(file: &NewFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &file.source {
        NewFileSource::Url(url) => check_url("source", url, &mut findings),
        NewFileSource::Bytes(FileBytes { mime_type, bytes }) => {
            if let Payload::Inline(bytes) = bytes {
                findings.extend(count(&limits::FILE_BYTES, "source.bytes", bytes.len()));
            }
            if !is_media_type(mime_type) {
                let message = format!("{} is not a type of file that RBM takes", Quoted(mime_type));
                findings.push(broken(&limits::UPLOAD_TYPE, "source.mime-type", message));
            }
            if file.thumbnail_url.is_some() {
                let message = "thumbnail-url is given, and the file comes in bytes".to_owned();
                findings.push(broken(&limits::UPLOAD_THUMBNAIL, "thumbnail-url", message));
            }
        }
    }
    if let Some(url) = &file.thumbnail_url {
        check_url("thumbnail-url", url, &mut findings);
    }
    findings
}
