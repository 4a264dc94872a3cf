// Counting entries of a table by the interface that they belong to.

internal import Procfs

/// Numbers by interface, kept for their capacity.
struct InterfaceCounts {
    private(set) var counts: [(interface: UInt32, count: Int)] = []
    private var positions: [UInt32: Int] = [:]

    mutating func removeAll() {
        counts.removeAll(keepingCapacity: true)
        positions.removeAll(keepingCapacity: true)
    }

    mutating func add(_ interface: UInt32) {
        if let position = positions[interface] {
            counts[position].count += 1
        } else {
            positions[interface] = counts.count
            counts.append((interface, 1))
        }
    }
}
