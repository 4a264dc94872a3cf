// The parsers of devices on every truncation of their fixtures and on random changes of them: a value or a named
// error, never a trap. VITALS_SEED sets the seed, which every failure prints.

import Bytes
import Foundation
import Platform
import Procfs
import TestSupport
import Testing

@Suite struct DeviceMangledTests {
    /// Each truncation, then each change of up to 8 bytes; returns how many gave a value.
    private func forEachMangled(_ original: [UInt8], rounds: Int = 400, _ body: ([UInt8]) -> Bool) -> Int {
        var values = 0
        for count in 0...original.count where body(Array(original.prefix(count))) { values += 1 }
        var noise = SeededRandom()
        for _ in 0..<rounds {
            var bytes = original
            for _ in 0..<Int.random(in: 1...8, using: &noise) {
                bytes[Int.random(in: 0..<bytes.count, using: &noise)] = UInt8.random(in: 0 ... .max, using: &noise)
            }
            if body(bytes) { values += 1 }
            if body((0..<200).map { _ in UInt8.random(in: 0 ... .max, using: &noise) }) { values += 1 }
        }
        return values
    }

    private func expectUnbroken<Value>(
        _ path: String, _ parse: (inout ByteCursor) throws(ParseError) -> Value
    ) throws {
        for host in DeviceParserTests.hosts {
            let file = "\(Repository.fixtures)/hosts/\(host)/\(path)"
            guard FileManager.default.fileExists(atPath: file) else { continue }
            let values = forEachMangled(try readWhole(file)) { bytes in
                var cursor = ByteCursor(bytes)
                do throws(ParseError) {
                    _ = try parse(&cursor)
                    return true
                } catch {
                    #expect(error.line >= 1 && !error.expected.isEmpty, "\(path), seed \(SeededRandom.seed): \(error)")
                    return false
                }
            }
            #expect(values > 0, "\(file), seed \(SeededRandom.seed): not even the whole file gave a value")
        }
    }

    @Test func mounts() throws { try expectUnbroken("proc/1/mountinfo", Mount.parse) }
    @Test func diskStats() throws { try expectUnbroken("proc/diskstats", DiskStats.parse) }
    @Test func netDev() throws { try expectUnbroken("proc/net/dev", NetDev.parse) }
    @Test func udevData() throws { try expectUnbroken("udev/b8:0", UdevData.parse) }

    @Test func links() throws {
        let bytes = try DeviceParserTests.bytes("netlink/debian12-6.18-vm.links.bin")
        let values = forEachMangled(bytes) { bytes in
            var links: [LinkStatistics] = []
            do throws(NetlinkError) {
                _ = try LinkStatistics.parse(bytes, count: bytes.count, sequence: 7, into: &links)
                return true
            } catch {
                if case .malformed(let offset) = error { #expect(offset <= bytes.count, "seed \(SeededRandom.seed)") }
                return false
            }
        }
        #expect(values > 0)
    }

    @Test func addresses() throws {
        let bytes = try DeviceParserTests.bytes("netlink/debian12-6.18-vm.addresses.bin")
        let values = forEachMangled(bytes, rounds: 2_000) { bytes in
            var addresses: [InterfaceAddress] = []
            do throws(NetlinkError) {
                _ = try InterfaceAddress.parse(bytes, count: bytes.count, sequence: 7, into: &addresses)
                for address in addresses { #expect(!address.text.isEmpty && address.scope.count < 20) }
                return true
            } catch {
                return false
            }
        }
        #expect(values > 0)
    }
}
