// The units in which the kernel counts, where they are not written in the file. See sysconf(3).

internal import Glibc

package enum KernelUnits {
    /// USER_HZ: clock ticks in a second, as they stand in `/proc/stat`. 100 on nearly every machine.
    package static let ticksPerSecond = UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))
    package static let pageBytes = UInt64(max(1, sysconf(Int32(_SC_PAGESIZE))))
}
