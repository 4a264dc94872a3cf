// What is under way, in the order of reading: deliveries end in any order, and are acknowledged in that one.

struct Window<Item: Sendable>: Sendable {
    private struct Entry: Sendable {
        let number: UInt64
        /// Deliveries of it that have not ended.
        var openCount: Int
        var item: Item
    }

    /// The oldest first.
    private var entries: [Entry] = []
    private var nextNumber: UInt64 = 0

    var count: Int { entries.count }
    var first: Item? { entries.first?.item }

    /// Begins something of so many deliveries. Returns its number; later ones have higher numbers.
    mutating func append(_ item: Item, deliveryCount: Int) -> UInt64 {
        let number = nextNumber
        nextNumber += 1
        entries.append(Entry(number: number, openCount: deliveryCount, item: item))
        return number
    }

    /// One of its deliveries has ended.
    mutating func settle(_ number: UInt64) {
        guard let index = entries.firstIndex(where: { $0.number == number }) else { return }
        entries[index].openCount -= 1
    }

    /// The oldest, when nothing of it is open. To be asked until there is none.
    mutating func popSettled() -> Item? {
        guard let first = entries.first, first.openCount <= 0 else { return nil }
        return entries.removeFirst().item
    }

    mutating func change(_ body: (inout Item) -> Void) { for index in entries.indices { body(&entries[index].item) } }

    /// With its number, and how many of its deliveries have not ended.
    func forEachOpen(_ body: (UInt64, Int, Item) -> Void) {
        for entry in entries { body(entry.number, entry.openCount, entry.item) }
    }

    func forEach(_ body: (Item) -> Void) { for entry in entries { body(entry.item) } }
}
