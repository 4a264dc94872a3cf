// Answers of a kernel by netlink, as Tests/Support/capture_netlink.py wrote them, and messages made by hand.

import Foundation
import Platform
import Procfs
import TestSupport

enum NetlinkFixtures {
    /// The number of the requests that were answered.
    static let sequence: UInt32 = 7
    /// The number that the family `ethtool` had.
    static let ethtoolFamily: UInt16 = 21

    /// The number that the family `nl80211` has in the answers of Tests/Support/compose_wifi.py.
    static let wifiFamily: UInt16 = 40

    static func bytes(_ kind: String, of machine: String = "debian12-6.18-namespace") throws -> [UInt8] {
        try readWhole("\(Repository.fixtures)/netlink/\(machine).\(kind).bin")
    }

    /// What a request says is written in the same way as an answer.
    static func message(type: UInt16, _ fill: (inout NetlinkRequest) -> Void) -> [UInt8] {
        var message = NetlinkRequest("an answer", type: type, .dump)
        fill(&message)
        return message.bytes(sequence: sequence)
    }
}
