//! A page of a pull that lacks a work order, and looks whole: what a defect of a server, or of whatever stands before it,
//! does to devices, which have no way to notice until they compare what they hold.

use super::Entry;
use crate::protocol::DeltaAnswer;

/// `page` without its last work order; `None` when it has none.
pub(in crate::proxy) fn leave_out(mut page: DeltaAnswer) -> Option<DeltaAnswer> {
    page.changes.work_orders.pop().map(|_| page)
}

pub(super) const ENTRIES: &[Entry] = &[Entry {
    name: "spoil short-of-one",
    does: "The page of a pull lacks its last work order, and looks whole. A page without any passes.",
    keys: &[],
    example: "- spoil: { device: maria, of: pull, how: short-of-one }",
    source: "servers that skip a change between two pages or two replicas; caches that merge pages",
}];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_order_is_missing_and_nothing_says_so() {
        let page = |orders: serde_json::Value| {
            let page = json!({"syncTimestamp": "2025-11-08T06:00:00.000Z", "nextCursor": "c",
                "changes": {"workOrders": orders, "assets": [{"assetId": "A"}]}});
            serde_json::from_value::<DeltaAnswer>(page).unwrap()
        };
        let short = leave_out(page(json!([{"workOrderId": "1"}, {"workOrderId": "2"}])));
        assert_eq!(short, Some(page(json!([{"workOrderId": "1"}]))));
        assert_eq!(leave_out(page(json!([]))), None);
    }
}
