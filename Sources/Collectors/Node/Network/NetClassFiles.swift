// What network interfaces are, from /sys/class/net, for a host whose /sys is elsewhere and for an agent that may not
// open netlink: some twenty files of each. See Documentation/ABI/testing/sysfs-class-net.

internal import Bytes
internal import Procfs

/// The interfaces that sysfs lists.
struct NetClassFiles {
    private let devices: DeviceList<NetClassDevice>

    init(sys: String) {
        devices = DeviceList("\(sys)/class/net") { name, path throws(KernelFileError) in
            // `bonding_masters` is a file that lies between them.
            try Attribute("\(path)/ifindex").integer() == nil ? nil : NetClassDevice(name, path)
        }
    }

    /// Calls `body` with each interface.
    mutating func forEach(_ body: (borrowing NetClassReading) -> Void) throws(CollectError) {
        try devices.forEach { device, problem throws(KernelFileError) in
            if let reading = device.read(&problem) { body(reading) }
        }
    }
}

private struct NetClassDevice {
    private static let files: [(number: NetClassNumber, name: String)] = [
        (.addressAssignType, "addr_assign_type"), (.carrier, "carrier"), (.carrierChanges, "carrier_changes"),
        (.carrierUpChanges, "carrier_up_count"), (.carrierDownChanges, "carrier_down_count"), (.deviceID, "dev_id"),
        (.dormant, "dormant"), (.flags, "flags"), (.index, "ifindex"), (.link, "iflink"), (.linkMode, "link_mode"),
        (.mtu, "mtu"), (.nameAssignType, "name_assign_type"), (.group, "netdev_group"), (.hardwareType, "type"),
        (.transmitQueueLength, "tx_queue_len"), (.speed, "speed"),
    ]

    private let name: String
    private let numbers: [(number: NetClassNumber, attribute: Attribute)]
    private let address: Attribute
    private let broadcast: Attribute
    private let alias: Attribute
    private let duplex: Attribute
    private let operationalState: Attribute

    init(_ name: String, _ path: String) {
        self.name = name
        numbers = Self.files.map { ($0.number, Attribute("\(path)/\($0.name)")) }
        address = Attribute("\(path)/address")
        broadcast = Attribute("\(path)/broadcast")
        alias = Attribute("\(path)/ifalias")
        duplex = Attribute("\(path)/duplex")
        operationalState = Attribute("\(path)/operstate")
    }

    /// nil when it is gone.
    func read(_ problem: inout FirstProblem) -> NetClassReading? {
        var reading = NetClassReading()
        reading.device = name
        for (number, attribute) in numbers {
            reading[number] = problem.integer(attribute)
        }
        guard reading[.index] != nil else { return nil }
        func text(_ attribute: Attribute) -> String {
            problem.text(attribute) ?? ""
        }
        reading.address = text(address)
        reading.broadcast = text(broadcast)
        reading.alias = text(alias)
        reading.duplex = text(duplex)
        reading.operationalState = text(operationalState)
        return reading
    }
}
