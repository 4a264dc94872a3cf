// What btrfs says of its devices to whoever has a file of it open: BTRFS_IOC_FS_INFO, BTRFS_IOC_DEV_INFO and
// BTRFS_IOC_GET_DEV_STATS of linux/btrfs.h. None of them needs privileges.

package import Bytes
internal import CLinux
internal import Glibc

package struct BtrfsFileSystem: Equatable, Sendable {
    package struct Device: Equatable, Sendable {
        package var uuid: String
        /// `/dev/sda1`; empty when it is missing.
        package var path: String
        package var sizeBytes: UInt64
        /// In chunks, which may be full or not.
        package var allocatedBytes: UInt64
        /// nil when it is missing.
        package var errors: Errors?

        package init(uuid: String, path: String, sizeBytes: UInt64, allocatedBytes: UInt64, errors: Errors? = nil) {
            self.uuid = uuid
            self.path = path
            self.sizeBytes = sizeBytes
            self.allocatedBytes = allocatedBytes
            self.errors = errors
        }
    }

    package struct Errors: Equatable, Sendable {
        package var write: UInt64
        package var read: UInt64
        package var flush: UInt64
        package var corruption: UInt64
        package var generation: UInt64

        package init(write: UInt64, read: UInt64, flush: UInt64, corruption: UInt64, generation: UInt64) {
            self.write = write
            self.read = read
            self.flush = flush
            self.corruption = corruption
            self.generation = generation
        }
    }

    package var uuid: String
    package var devices: [Device]

    package init(uuid: String, devices: [Device]) {
        self.uuid = uuid
        self.devices = devices
    }

    /// Numbers of devices that are asked for. They only grow, as devices are replaced: far more than there are devices.
    private static let deviceNumberLimit: UInt64 = 4_096

    /// Asks the file system that is mounted at `path` of the host that has its root at `root`.
    package init(at path: Path, inside root: String) throws(Errno) {
        let file = try File(reading: path, inside: root)
        var id = [UInt8](repeating: 0, count: 16)
        var lastNumber: UInt64 = 0
        try retryingOnInterrupt { unsafe Int(linux_btrfs_file_system(file.descriptor, &id, &lastNumber)) }
        uuid = Self.text(uuid: id)
        devices = []
        // 0 is the device that another is being replaced with.
        for number in 0...min(lastNumber, Self.deviceNumberLimit) {
            do throws(Errno) {
                devices.append(try Self.device(number, of: file))
            } catch {
                guard error == Errno.noDevice else { throw error }
            }
        }
    }

    private static func device(_ number: UInt64, of file: borrowing File) throws(Errno) -> Device {
        let descriptor = file.descriptor
        var raw = linux_btrfs_device()
        try retryingOnInterrupt { unsafe Int(linux_btrfs_device(descriptor, number, &raw)) }
        let id = unsafe withUnsafeBytes(of: raw.uuid) { unsafe Array($0) }
        let path = unsafe withUnsafeBytes(of: raw.path) { unsafe Array($0.prefix { $0 != 0 }) }
        let errors = raw.errors
        return Device(
            uuid: text(uuid: id), path: String(decoding: path, as: UTF8.self), sizeBytes: raw.size,
            allocatedBytes: raw.allocated,
            errors: raw.has_errors == 0
                ? nil
                : Errors(
                    write: errors.0, read: errors.1, flush: errors.2, corruption: errors.3, generation: errors.4))
    }

    /// `514b47e2-84e6-4679-88aa-d725408dd584`
    static func text(uuid: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for (index, byte) in uuid.enumerated() {
            if index >= 4, index <= 10, index % 2 == 0 { text.append(UInt8(ascii: "-")) }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
