//! Tables of things by their names, as settings and the state have them: in order, and nothing in them twice.

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// In the order of the names, so that the same table is always written the same.
pub(crate) fn serialize<'a, S, K, V>(
    table: impl IntoIterator<Item = (&'a K, &'a V)>,
    serializer: S,
) -> Result<S::Ok, S::Error>
where
    S: Serializer,
    K: Serialize + Ord + 'a,
    V: Serialize + 'a,
{
    table
        .into_iter()
        .collect::<BTreeMap<_, _>>()
        .serialize(serializer)
}

/// A table in which nothing is named twice, be it with two spellings.
pub(crate) fn deserialize<'de, D, K, V, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord + Serialize,
    V: Deserialize<'de>,
    T: FromIterator<(K, V)>,
{
    struct Distinct<K, V>(PhantomData<(K, V)>);

    impl<'de, K: Deserialize<'de> + Ord + Serialize, V: Deserialize<'de>> Visitor<'de>
        for Distinct<K, V>
    {
        type Value = BTreeMap<K, V>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a table")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut table = BTreeMap::new();
            while let Some((key, value)) = entries.next_entry()? {
                if table.contains_key(&key) {
                    let name = serde_json::to_string(&key).unwrap_or_default();
                    return Err(A::Error::custom(format_args!("{name} is there twice")));
                }
                table.insert(key, value);
            }
            Ok(table)
        }
    }

    Ok(deserializer
        .deserialize_map(Distinct(PhantomData))?
        .into_iter()
        .collect())
}
