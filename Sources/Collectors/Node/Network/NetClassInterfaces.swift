// What network interfaces are, by netlink: one dump of RTM_GETLINK, one of the link modes of ethtool.
//
// Netlink does not tell how an interface came by its name and its address, nor `dev_id`; those are read from sysfs when
// an interface is new or has another name or address, since they change with nothing else. Link modes are asked of the
// drivers, of which some take milliseconds or wake a sleeping device: so only when an interface is new, or its carrier
// has come or gone, and now and then.

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs

/// A number that the kernel tells of an interface.
enum NetClassNumber: Int, CaseIterable {
    case addressAssignType, carrier, carrierChanges, carrierUpChanges, carrierDownChanges, deviceID, dormant, flags
    case index, link, linkMode, mtu, nameAssignType, group, hardwareType, transmitQueueLength
    /// In megabits per second, -1 when it is not known. Not told of an interface that is down.
    case speed
}

/// One interface. nil, or empty text, is what the kernel does not tell, or not now.
struct NetClassReading {
    var device = ""
    var address = ""
    var broadcast = ""
    var alias = ""
    var duplex = ""
    var operationalState = ""
    var alternativeNames: [String] = []
    private var numbers = [Double?](repeating: nil, count: NetClassNumber.allCases.count)

    subscript(_ number: NetClassNumber) -> Double? {
        get { numbers[number.rawValue] }
        set { numbers[number.rawValue] = newValue }
    }

    /// Whether the administrator wants it up. nil also for flags that cannot be any.
    var isSwitchedOn: Bool? {
        self[.flags].flatMap { UInt32(exactly: $0) }.map { $0 & UInt32(LinkAttributes.Flag.up) != 0 }
    }

    /// IF_OPER_… of linux/if.h in sysfs's words.
    static let operationalStates = ["unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"]
}

/// The interfaces of this network namespace. What stays the same from one dump to the next is kept.
final class NetClassInterfaces {
    /// For a speed that changes while the carrier stays, which only a person does, to a virtual device.
    private static let speedLifetime: Duration = .seconds(60)

    private let sys: String
    private let links = NetlinkClient(.route)
    private let ethtool = NetlinkClient(.generic)
    /// nil when this kernel cannot tell all link modes at once (before Linux 5.6): sysfs can, of one interface.
    private var ethtoolFamily: UInt16?
    private var isEthtoolAsked = false
    /// nil when some interface is not as it was when they were read.
    private var speedsReadAt: Instant?
    private var known: [UInt32: KnownInterface] = [:]
    private var dumps = 0
    /// As the kernel listed them.
    private var present: [KnownInterface] = []

    init(sys: String) { self.sys = sys }

    /// Calls `body` with each interface. That only their speeds could not be read is noted in `SkippedRows`.
    func forEach(_ body: (borrowing NetClassReading) -> Void) throws(NetlinkFailure) {
        try links.ask(LinkAttributes.request, begin: begin) { bytes, count, sequence throws(NetlinkError) in
            try takeInterfaces(bytes, count: count, sequence: sequence)
        }
        endOfInterfaces()
        do throws(NetlinkFailure) { try readSpeeds(at: .now) } catch {
            SkippedRows.note(of: "netlink \(LinkModes.familyName)", error.description)
        }
        tell(body)
    }

    func tell(_ body: (borrowing NetClassReading) -> Void) { for interface in present { body(interface.reading) } }

    // MARK: What a dump does to what is known

    func begin() {
        present.removeAll(keepingCapacity: true)
        dumps += 1
    }

    func takeInterfaces(_ bytes: [UInt8], count: Int, sequence: UInt32) throws(NetlinkError) -> NetlinkPart {
        try LinkAttributes.forEach(bytes, count: count, sequence: sequence) { take($0, bytes) }
    }

    func takeSpeeds(
        _ bytes: [UInt8], count: Int, sequence: UInt32, family: UInt16
    ) throws(NetlinkError) -> NetlinkPart {
        try LinkModes.forEach(bytes, count: count, sequence: sequence, family: family) { modes in
            known[modes.interface]?.take(modes)
        }
    }

    /// Forgets those that are gone, and reads of the others what a dump does not tell.
    func endOfInterfaces() {
        if known.count > present.count { known = known.filter { $0.value.dump == dumps } }
        for interface in present { interface.readIdentity(sys: sys) }
    }

    private func take(_ link: LinkAttributes, _ bytes: [UInt8]) {
        let interface: KnownInterface
        if let old = known[link.index] {
            interface = old
        } else {
            interface = KnownInterface()
            known[link.index] = interface
        }
        // A dump that was interrupted may tell of one twice.
        guard interface.dump != dumps else { return }
        interface.dump = dumps
        if interface.update(link, bytes) { speedsReadAt = nil }
        present.append(interface)
    }

    /// Whether the speeds that are known may be wrong.
    func needsSpeeds(at now: Instant) -> Bool {
        guard let speedsReadAt else { return true }
        return now - speedsReadAt >= Self.speedLifetime
    }

    func endOfSpeeds(at now: Instant) { speedsReadAt = now }

    private func readSpeeds(at now: Instant) throws(NetlinkFailure) {
        if !isEthtoolAsked {
            do throws(NetlinkFailure) { ethtoolFamily = try ethtool.family(named: LinkModes.familyName) } catch {
                // A sandbox may allow one kind of netlink and not another.
                guard error.isAbsence || error == .socket(.accessDenied) || error == .socket(.notPermitted) else {
                    throw error
                }
            }
            isEthtoolAsked = true
        }
        guard let ethtoolFamily else {
            for interface in present { interface.readSpeed(sys: sys) }
            return
        }
        guard needsSpeeds(at: now) else { return }
        try ethtool.ask(
            LinkModes.request(family: ethtoolFamily), begin: { for interface in present { interface.take(nil) } }
        ) { bytes, count, sequence throws(NetlinkError) in
            try takeSpeeds(bytes, count: count, sequence: sequence, family: ethtoolFamily)
        }
        endOfSpeeds(at: now)
    }
}

/// An interface, with what is only read when it changes.
private final class KnownInterface {
    var reading = NetClassReading()
    /// The dump that told of it.
    var dump = 0
    private var address: [UInt8] = []
    private var broadcast: [UInt8] = []
    private var hasIdentity = false
    /// `reading.device` as the kernel has it.
    private var name = Path("")
    private var speed: (megabits: Attribute, duplex: Attribute)?
    private var isUp = false
    private var carrierChanges: UInt32?

    /// Returns whether its speed may be another one now.
    func update(_ link: LinkAttributes, _ bytes: [UInt8]) -> Bool {
        if !bytes[link.name].elementsEqual(name.bytes) {
            name = Path(bytes[link.name])
            reading.device = name.label
            hasIdentity = false
            speed = nil
        }
        if !bytes[link.address].elementsEqual(address) {
            address = Array(bytes[link.address])
            reading.address = bytes.hardwareAddress(link.address)
            hasIdentity = false
        }
        if !bytes[link.broadcast].elementsEqual(broadcast) {
            broadcast = Array(bytes[link.broadcast])
            reading.broadcast = bytes.hardwareAddress(link.broadcast)
        }
        if !bytes[link.alias].elementsEqual(reading.alias.utf8) { reading.alias = bytes.text(upToZeroIn: link.alias) }
        if !link.alternativeNames.elementsEqual(
            reading.alternativeNames, by: { bytes[$0].elementsEqual($1.utf8) })
        {
            reading.alternativeNames = link.alternativeNames.map { bytes.text(upToZeroIn: $0) }
        }
        let isSame = isUp == link.isUp && carrierChanges == link.carrierChanges && carrierChanges != nil
        isUp = link.isUp
        carrierChanges = link.carrierChanges
        let states = NetClassReading.operationalStates
        reading.operationalState =
            link.operationalState.map { Int($0) < states.count ? states[Int($0)] : states[0] } ?? ""
        // What sysfs does not tell of an interface that is down is not told here either.
        reading[.carrier] = isUp ? link.carrier.map { Double($0) } : nil
        reading[.dormant] = isUp ? (link.isDormant ? 1 : 0) : nil
        reading[.carrierChanges] = link.carrierChanges.map { Double($0) }
        reading[.carrierUpChanges] = link.carrierUpChanges.map { Double($0) }
        reading[.carrierDownChanges] = link.carrierDownChanges.map { Double($0) }
        reading[.flags] = Double(link.sysfsFlags)
        reading[.index] = Double(link.index)
        reading[.link] = Double(link.link)
        reading[.linkMode] = link.linkMode.map { Double($0) }
        reading[.mtu] = link.mtu.map { Double($0) }
        reading[.group] = link.group.map { Double($0) }
        reading[.hardwareType] = Double(link.hardwareType)
        reading[.transmitQueueLength] = link.transmitQueueLength.map { Double($0) }
        return !isSame
    }

    /// nil before it is known whether the driver tells.
    func take(_ modes: LinkModes?) {
        let modes = isUp ? modes : nil
        reading[.speed] = modes.map { Double($0.megabitsPerSecond) }
        reading.duplex = modes?.duplex ?? ""
    }

    /// What netlink does not tell. An interface that is gone meanwhile has none, and is still told of; so has one whose
    /// name in sysfs is that of another, since sysfs shows another network namespace.
    func readIdentity(sys: String) {
        guard !hasIdentity else { return }
        hasIdentity = true
        let path = Path("\(sys)/class/net") / name
        let isSame = Self.number(path / "ifindex") == reading[.index]
        reading[.addressAssignType] = isSame ? Self.number(path / "addr_assign_type") : nil
        reading[.nameAssignType] = isSame ? Self.number(path / "name_assign_type") : nil
        reading[.deviceID] = isSame ? Self.number(path / "dev_id") : nil
    }

    private static func number(_ path: Path) -> Double? {
        do throws(KernelFileError) { return try Attribute(path).integer() } catch {
            SkippedRows.note(error)
            return nil
        }
    }

    /// The slow way, for old kernels.
    func readSpeed(sys: String) {
        take(nil)
        guard isUp else { return }
        let path = Path("\(sys)/class/net") / name
        let attributes = speed ?? (Attribute(path / "speed"), Attribute(path / "duplex"))
        speed = attributes
        do throws(KernelFileError) {
            reading.duplex = try attributes.duplex.text() ?? ""
            reading[.speed] = try attributes.megabits.integer()
        } catch {
            SkippedRows.note(error)
        }
    }
}

extension Attribute {
    /// A number in decimal digits, or in hexadecimal ones after `0x`.
    func integer() throws(KernelFileError) -> Double? {
        try value { cursor throws(ParseError) in
            let range = cursor.trimmed()
            if range.isEmpty { return nil }
            let isHexadecimal = range.count > 2 && cursor.has(range.lowerBound..<range.lowerBound + 2, "0x")
            let number = isHexadecimal ? cursor.hexadecimal().map { Double($0) } : cursor.signed().map { Double($0) }
            guard let number, cursor.index == range.upperBound else { throw cursor.error("a number") }
            return number
        } ?? nil
    }
}
