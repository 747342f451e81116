//! Every interface, world, type and function says since when it is there.

use crate::{Contract, wit};
use wit_parser::{Resolve, Stability, Type, TypeDefKind};

#[test]
fn everything_says_since_when_it_is_there() {
    let contract = Contract::read(wit());
    assert_eq!(without_since(&contract.resolve), [""; 0]);
}

/// Or else the test above might find nothing in anything.
#[test]
fn what_does_not_say_it_is_found() {
    let mut resolve = Resolve::default();
    let text = "package a:b@0.1.0;
        @since(version = 0.1.0) interface i { record r { x: u8 } f: func(); @since(version = 0.1.0) g: func(); }
        world w { import i; }";
    resolve.push_str("a.wit", text).unwrap();
    assert_eq!(
        without_since(&resolve),
        ["the type r", "the function f", "the world w"]
    );
}

fn without_since(resolve: &Resolve) -> Vec<String> {
    let mut found = Vec::new();
    let mut look = |what: &str, name: Option<&str>, stability: &Stability| {
        if !matches!(stability, Stability::Stable { .. }) {
            found.push(format!("the {what} {}", name.unwrap_or_default()));
        }
    };
    for (_, interface) in &resolve.interfaces {
        look("interface", interface.name.as_deref(), &interface.stability);
        for id in interface.types.values() {
            let definition = &resolve.types[*id];
            // What is used of another interface has it there.
            if !matches!(definition.kind, TypeDefKind::Type(Type::Id(_))) {
                look("type", definition.name.as_deref(), &definition.stability);
            }
        }
        for function in interface.functions.values() {
            look("function", Some(&function.name), &function.stability);
        }
    }
    for (_, world) in &resolve.worlds {
        look("world", Some(&world.name), &world.stability);
    }
    found
}
