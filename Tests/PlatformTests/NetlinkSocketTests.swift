// What a netlink socket is asked besides netlink, of this machine.

import Bytes
import Platform
import Testing

@Suite struct NetlinkSocketTests {
    @Test func namesInterfaces() throws {
        let socket = try NetlinkSocket(.route)
        #expect(try socket.interfaceName(1) == "lo")
        #expect(try socket.interfaceName(2_000_000_000) == nil)
    }

    @Test func aDriverOfNothingIsNoDevice() throws {
        let socket = try NetlinkSocket(.generic)
        var request: [UInt8] = [3] + [UInt8](repeating: 0, count: 195)
        #expect(throws: Errno.noDevice) { try socket.ethtool("no-such-device", &request) }
        #expect(throws: Errno.noDevice) { try socket.ethtool("a-name-that-is-longer-than-all", &request) }
    }

    /// The kernel does not ask how much room there is; more than that must not be written.
    @Test func anAnswerThatIsTooLongIsRefused() throws {
        let socket = try NetlinkSocket(.socketDiagnosis)
        var counting: (name: String, count: UInt8)?
        for index: UInt32 in 1...64 {
            guard let name = try socket.interfaceName(index) else { continue }
            var driver: [UInt8] = [3] + [UInt8](repeating: 0, count: 195)  // ETHTOOL_GDRVINFO
            do throws(Errno) { try socket.ethtool(Path(name), &driver) } catch { continue }
            if driver[180] > 1, driver[181] == 0 { counting = (name, driver[180]) }
        }
        guard let counting else {
            try Test.cancel("no interface of this machine has a driver that counts")
        }
        func ask(room: Int) throws(Errno) {
            // ETHTOOL_GSTATS
            var numbers: [UInt8] = [0x1D, 0, 0, 0, counting.count, 0, 0, 0] + [UInt8](repeating: 0, count: room)
            try socket.ethtool(Path(counting.name), &numbers)
        }
        try ask(room: 8 * Int(counting.count))
        #expect(throws: Errno.badAddress) { try ask(room: 8 * Int(counting.count) - 8) }
    }
}
