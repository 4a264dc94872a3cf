// Log pages of NVMe disks, as their controllers fill them: Get Log Page of the NVM Express Base Specification.

internal import CLinux

package enum NVMeLogPage {
    /// What a page is read of; the rest of Amazon's are histograms.
    package static let byteCount = 512

    /// Asks the disk at `path`, such as /dev/nvme0n1, of the host that has its root at `root`. Takes CAP_SYS_ADMIN.
    package static func read(_ page: UInt8, of path: String, inside root: String) throws(Errno) -> [UInt8] {
        let file = try File(reading: path, inside: root)
        var bytes = [UInt8](repeating: 0, count: byteCount)
        try retryingOnInterrupt {
            unsafe bytes.withUnsafeMutableBytes {
                unsafe Int(linux_nvme_log_page(file.descriptor, page, $0.baseAddress, UInt32($0.count)))
            }
        }
        return bytes
    }
}
