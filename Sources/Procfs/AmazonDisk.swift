// What Amazon's NVMe disks count for who rents them, in log pages of their own.
//
//     0  magic number (4 bytes), reserved (4), then numbers of 8 bytes, little-endian: reads, writes, bytes read, bytes
//        written, time of reads, time of writes; for EBS the time over the volume's limits of operations and of
//        throughput; the time over the instance's limits of both; requests under way
//
// https://docs.aws.amazon.com/ebs/latest/userguide/nvme-detailed-performance-stats.html

/// Counters since the disk was attached. Times in the unit of the page, which the CloudWatch agent takes for
/// nanoseconds.
package struct AmazonDisk: Equatable, Sendable {
    package enum Kind: CaseIterable, Sendable {
        case ebs, instanceStore

        package var model: String {
            switch self {
            case .ebs: "Amazon Elastic Block Store"
            case .instanceStore: "Amazon EC2 NVMe Instance Storage"
            }
        }

        package var logPage: UInt8 { self == .ebs ? 0xD0 : 0xC0 }

        fileprivate var magic: UInt64 { self == .ebs ? 0x3C23_B510 : 0xEC2C_0D7E }
    }

    package struct VolumeLimits: Equatable, Sendable {
        package var operationsExceeded: UInt64
        package var throughputExceeded: UInt64
    }

    package var reads: UInt64
    package var writes: UInt64
    package var readBytes: UInt64
    package var writtenBytes: UInt64
    package var readTime: UInt64
    package var writeTime: UInt64
    /// Only of EBS.
    package var volume: VolumeLimits?
    package var instanceOperationsExceeded: UInt64
    package var instanceThroughputExceeded: UInt64
    /// Now.
    package var queueLength: UInt64

    /// nil for a page that is not of this kind.
    package init?(_ page: [UInt8], _ kind: Kind) {
        var at = 8
        func number(at offset: Int) -> UInt64 {
            var value: UInt64 = 0
            for index in (offset..<offset + 8).reversed() { value = value << 8 | UInt64(page[index]) }
            return value
        }
        func next() -> UInt64 {
            defer { at += 8 }
            return number(at: at)
        }
        guard page.count >= 96, number(at: 0) & 0xFFFF_FFFF == kind.magic else { return nil }
        reads = next()
        writes = next()
        readBytes = next()
        writtenBytes = next()
        readTime = next()
        writeTime = next()
        if kind == .ebs { volume = VolumeLimits(operationsExceeded: next(), throughputExceeded: next()) }
        instanceOperationsExceeded = next()
        instanceThroughputExceeded = next()
        queueLength = next()
    }

    /// `vol-0123456789abcdef0` for the serial number `vol0123456789abcdef0` of an EBS volume.
    package static func volumeID(_ serial: String) -> String {
        serial.hasPrefix("vol") && !serial.hasPrefix("vol-") ? "vol-\(serial.dropFirst(3))" : serial
    }
}
