// The modes that a network link can run in: bits of enum ethtool_link_mode_bit_indices of linux/ethtool.h.

/// A speed and duplex that a link supports or advertises.
package struct LinkMode: Sendable {
    package let bit: Int
    /// As the kernel names it, without the duplex: `1000baseT`.
    package let name: String
    package let duplex: String
    package let bytesPerSecond: Double

    /// Bits that stand for half duplex.
    private static let halfDuplex: Set<Int> = [0, 2, 4, 90]

    package static let all: [LinkMode] = [
        (0, "10baseT"), (1, "10baseT"), (2, "100baseT"), (3, "100baseT"), (4, "1000baseT"), (5, "1000baseT"),
        (12, "10000baseT"), (15, "2500baseX"), (17, "1000baseKX"), (18, "10000baseKX4"), (19, "10000baseKR"),
        (20, "10000baseR_FEC"), (21, "20000baseMLD2"), (22, "20000baseKR2"), (23, "40000baseKR4"),
        (24, "40000baseCR4"), (25, "40000baseSR4"), (26, "40000baseLR4"), (27, "56000baseKR4"), (28, "56000baseCR4"),
        (29, "56000baseSR4"), (30, "56000baseLR4"), (31, "25000baseCR"), (32, "25000baseKR"), (33, "25000baseSR"),
        (34, "50000baseCR2"), (35, "50000baseKR2"), (36, "100000baseKR4"), (37, "100000baseSR4"),
        (38, "100000baseCR4"), (39, "100000baseLR4_ER4"), (40, "50000baseSR2"), (41, "1000baseX"), (42, "10000baseCR"),
        (43, "10000baseSR"), (44, "10000baseLR"), (45, "10000baseLRM"), (46, "10000baseER"), (47, "2500baseT"),
        (48, "5000baseT"), (52, "50000baseKR"), (53, "50000baseSR"), (54, "50000baseCR"), (55, "50000baseLR_ER_FR"),
        (56, "50000baseDR"), (57, "100000baseKR2"), (58, "100000baseSR2"), (59, "100000baseCR2"),
        (60, "100000baseLR2_ER2_FR2"), (61, "100000baseDR2"), (62, "200000baseKR4"), (63, "200000baseSR4"),
        (64, "200000baseLR4_ER4_FR4"), (65, "200000baseDR4"), (66, "200000baseCR4"), (67, "100baseT1"),
        (68, "1000baseT1"), (69, "400000baseKR8"), (70, "400000baseSR8"), (71, "400000baseLR8_ER8_FR8"),
        (72, "400000baseDR8"), (73, "400000baseCR8"), (75, "100000baseKR"), (76, "100000baseSR"),
        (77, "100000baseLR_ER_FR"), (78, "100000baseCR"), (79, "100000baseDR"), (80, "200000baseKR2"),
        (81, "200000baseSR2"), (82, "200000baseLR2_ER2_FR2"), (83, "200000baseDR2"), (84, "200000baseCR2"),
        (85, "400000baseKR4"), (86, "400000baseSR4"), (87, "400000baseLR4_ER4_FR4"), (88, "400000baseDR4"),
        (89, "400000baseCR4"), (90, "100baseFX"), (91, "100baseFX"), (92, "10baseT1L"),
    ].map { bit, name in
        // The name begins with megabits per second.
        var megabits = 0.0
        for digit in name.utf8.prefix(while: { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            megabits = megabits * 10 + Double(digit - UInt8(ascii: "0"))
        }
        return LinkMode(
            bit: bit, name: name, duplex: halfDuplex.contains(bit) ? "half" : "full",
            bytesPerSecond: megabits * 125_000)
    }

    /// Bits that stand for a kind of port.
    package static let ports: [(bit: Int, name: String)] = [
        (7, "TP"), (8, "AUI"), (9, "MII"), (10, "FIBRE"), (11, "BNC"), (16, "Backplane"),
    ]

    package static let autonegotiation = 6
    package static let pause = 13
    package static let asymmetricPause = 14
}
