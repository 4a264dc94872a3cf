// Requests out of one batch: which records travel together, and where to.

/// Where to, in the output's own words; empty for outputs with one place.
package struct Destination: Hashable, Sendable {
    package var names: [String]
    /// Where the records go instead when that place takes nothing from us: for one that a record has named itself, of
    /// which the settings know nothing. Empty: there is no other.
    package var otherNames: [String]

    package init(_ names: [String] = [], or otherNames: [String] = []) {
        self.names = names
        self.otherNames = otherNames
    }

    /// By their bytes, as receivers compare them: to `String`, two ways to write `é` would be one place.
    package static func == (one: Destination, other: Destination) -> Bool {
        one.names.hasSameBytes(as: other.names) && one.otherNames.hasSameBytes(as: other.otherNames)
    }

    package func hash(into hasher: inout Hasher) {
        for name in names + otherNames {
            for byte in name.utf8 { hasher.combine(byte) }
            hasher.combine(UInt8(0xFF))
        }
    }

    /// The other place, for good.
    package var other: Destination? { otherNames.isEmpty ? nil : Destination(otherNames) }
}

extension [String] {
    func hasSameBytes(as other: [String]) -> Bool { elementsEqual(other) { $0.utf8.elementsEqual($1.utf8) } }
}

/// One request's worth of a batch: records that travel together to one place.
package struct Shipment: Equatable, Sendable {
    /// Records of the batch, as `divide` has ordered them.
    package var records: Range<Int>
    package var destination: Destination

    package init(records: Range<Int>, destination: Destination) {
        self.records = records
        self.destination = destination
    }
}

/// A record of a shipment that the receiver did not take, while it took others.
package struct RefusedRecord: Equatable, Sendable {
    package enum Fate: Equatable, Sendable {
        /// It is sent again, without the others.
        case tryAgain
        /// The receiver will never take it: it goes to `rejected/`.
        case putAside
        /// The receiver has dropped it; it is counted under the reason.
        case lost
    }

    /// Among the records of the request.
    package var index: Int
    package var reason: String
    package var fate: Fate

    package init(index: Int, reason: String, fate: Fate) {
        self.index = index
        self.reason = reason
        self.fate = fate
    }
}

/// What became of a request that the receiver has understood.
package enum DeliveryOutcome: Equatable, Sendable {
    case accepted
    /// All but these, in the order of the request.
    case partly([RefusedRecord])
}
