// What was seen of each process at the last reading, so that what it used since can be told.

/// Two lists in the order of the process numbers, walked side by side; both are kept for their memory.
struct ProcessHistory<Seen> {
    private struct Entry {
        let process: UInt32
        let startTicks: UInt64
        let seen: Seen
    }

    private var earlier: [Entry] = []
    private var current: [Entry] = []
    private var next = 0
    /// The start of the youngest process of all readings; nil before the first has ended.
    private var youngestStartTicks: UInt64?

    /// Begins a reading, in which processes come in ascending order.
    mutating func begin() {
        current.removeAll(keepingCapacity: true)
        next = 0
    }

    /// nil when the last reading did not have this process: another may have had its number.
    mutating func earlier(_ process: UInt32, startTicks: UInt64) -> Seen? {
        while next < earlier.count, earlier[next].process < process { next += 1 }
        guard next < earlier.count, earlier[next].process == process, earlier[next].startTicks == startTicks else {
            return nil
        }
        return earlier[next].seen
    }

    /// All that a process has used it used since the last reading. Not so for one that was there but could not be read,
    /// nor for any in the first reading.
    func isNew(startTicks: UInt64) -> Bool {
        guard let youngestStartTicks else { return false }
        return startTicks >= youngestStartTicks
    }

    mutating func keep(_ process: UInt32, startTicks: UInt64, _ seen: Seen) {
        current.append(Entry(process: process, startTicks: startTicks, seen: seen))
    }

    /// The reading becomes the last one. One that is not ended is forgotten.
    mutating func end() {
        youngestStartTicks = current.reduce(youngestStartTicks ?? 0) { max($0, $1.startTicks) }
        swap(&earlier, &current)
    }
}
