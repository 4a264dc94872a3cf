// What is read of wireless interfaces by nl80211, and what drivers tell by SIOCETHTOOL.

import Bytes
import Platform
import Procfs
import Testing

@Suite struct WirelessAndDriverTests {
    // MARK: Wireless

    @Test func readsWirelessInterfaces() throws {
        let bytes = try NetlinkFixtures.bytes("wifi-interfaces", of: "composed")
        var interfaces: [WirelessInterface] = []
        _ = try WirelessInterface.forEach(bytes, count: bytes.count, sequence: 7, family: 40) { interfaces.append($0) }
        #expect(interfaces.map(\.name) == ["wlan0", "wlan1"] && interfaces.map(\.index) == [4, 5])
        #expect(interfaces.map(\.megahertz) == [2412, 5180])
    }

    @Test func readsWirelessNetworks() throws {
        func networks(_ kind: String) throws -> [WirelessNetwork] {
            let bytes = try NetlinkFixtures.bytes(kind, of: "composed")
            var networks: [WirelessNetwork] = []
            _ = try WirelessNetwork.forEach(bytes, count: bytes.count, sequence: 7, family: 40) { networks.append($0) }
            return networks
        }
        let heard = try networks("wifi-networks")
        #expect(heard.map(\.name) == ["next door", "our \"net\" é"] && heard.map(\.mode) == [nil, .client])
        #expect(heard[1].address == "02:aa:00:00:00:02")
        #expect(try networks("wifi-ad-hoc").map(\.mode) == [.adHoc])
    }

    @Test func readsWirelessStations() throws {
        func stations(_ kind: String) throws -> [WirelessStation] {
            let bytes = try NetlinkFixtures.bytes(kind, of: "composed")
            var stations: [WirelessStation] = []
            _ = try WirelessStation.forEach(bytes, count: bytes.count, sequence: 7, family: 40) { stations.append($0) }
            return stations
        }
        let access = try #require(try stations("wifi-client").first)
        #expect(access.address == "02:aa:00:00:00:02" && access.connectedSeconds == 30)
        #expect(access.inactiveMilliseconds == 400 && access.bytesReceived == 1 << 32 + 1234)
        #expect(access.signalDBm == -52 && access.sendBitsPerSecond == 162_500_000)
        #expect(access.receiveBitsPerSecond == 256_000_000 && access.beaconLosses == 2)
        let clients = try stations("wifi-access-point")
        #expect(clients.map(\.bytesReceived) == [11, nil] && clients.map(\.signalDBm) == [nil, -128])
    }

    // MARK: Drivers

    @Test func readsADriver() throws {
        let driver = try #require(EthtoolDriver(try NetlinkFixtures.bytes("ethtool-driver", of: "debian12-6.18-vm")))
        #expect(driver.driver == "virtio_net" && driver.version == "1.0.0" && driver.statisticCount == 20)
        let names = Ethtool.names(try NetlinkFixtures.bytes("ethtool-names", of: "debian12-6.18-vm"))
        #expect(names.count == 20 && names[0] == "rx_drops")
        let numbers = try NetlinkFixtures.bytes("ethtool-statistics", of: "debian12-6.18-vm")
        #expect(Ethtool.statisticCount(numbers) == 20)
        #expect((0..<20).contains { Ethtool.statistic($0, of: numbers) > 0 })
        let link = try #require(EthtoolLink(try NetlinkFixtures.bytes("ethtool-link", of: "debian12-6.18-vm")))
        #expect(!link.isAutonegotiating && link.supported == [0, 0, 0, 0] && link.advertised.count == 4)
    }

    @Test func asksForWhatTheDriverHas() {
        #expect(Ethtool.driverRequest().count == 196 && Ethtool.driverRequest()[0] == 3)
        #expect(Ethtool.namesRequest(count: 2).prefix(12) == [0x1B, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0])
        #expect(Ethtool.namesRequest(count: 2).count == 76 && Ethtool.statisticsRequest(count: 3).count == 32)
        var offered = Ethtool.linkRequest(words: 0)
        offered[15] = UInt8(bitPattern: -4)
        #expect(EthtoolLink.wantedWords(offered) == 4)
        #expect(EthtoolLink.wantedWords(Ethtool.linkRequest(words: 4)) == nil)
    }

    @Test func modesNameTheirSpeeds() {
        let names = LinkMode.all.map { "\($0.bit) \($0.name) \($0.duplex) \($0.bytesPerSecond)" }
        #expect(names.contains("4 1000baseT half 125000000.0") && names.contains("31 25000baseCR full 3125000000.0"))
        #expect(Set(LinkMode.all.map { "\($0.name) \($0.duplex)" }).count == LinkMode.all.count)
        #expect(LinkMode.all.allSatisfy { $0.bytesPerSecond > 0 })
    }
}
