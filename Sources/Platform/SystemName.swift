// What uname(2) and localtime_r(3) say: who this machine is, and how far its clocks on the wall are from UTC.

internal import CLinux
internal import Glibc

/// The answer of uname(2).
package struct SystemName: Equatable, Sendable {
    package var sysname, nodename, release, version, machine, domainname: String

    package init(
        sysname: String, nodename: String, release: String, version: String, machine: String, domainname: String
    ) {
        self.sysname = sysname
        self.nodename = nodename
        self.release = release
        self.version = version
        self.machine = machine
        self.domainname = domainname
    }

    package static func current() throws(Errno) -> SystemName {
        var raw = utsname()
        guard unsafe uname(&raw) == 0 else { throw .current }
        return SystemName(
            sysname: text(&raw.sysname), nodename: text(&raw.nodename), release: text(&raw.release),
            version: text(&raw.version), machine: text(&raw.machine), domainname: text(&raw.__domainname))
    }

    private static func text<Characters>(_ field: inout Characters) -> String {
        unsafe withUnsafeBytes(of: &field) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}

/// The local time zone at one moment.
package struct LocalZone: Equatable, Sendable {
    /// As in `UTC`, `CEST`, `-03`.
    package var abbreviation: String
    /// East of Greenwich is positive.
    package var offsetSeconds: Int

    package init(abbreviation: String, offsetSeconds: Int) {
        self.abbreviation = abbreviation
        self.offsetSeconds = offsetSeconds
    }

    /// The zone of `TZ` or `/etc/localtime`; UTC when that cannot be told.
    package static func at(unixSeconds: Int64) -> LocalZone {
        var seconds = time_t(unixSeconds)
        var local = unsafe tm()
        tzset()  // localtime_r alone need not read the zone. This sees that /etc/localtime was replaced, by one stat.
        guard unsafe localtime_r(&seconds, &local) != nil, let zone = unsafe local.tm_zone else {
            return LocalZone(abbreviation: "UTC", offsetSeconds: 0)
        }
        return unsafe LocalZone(abbreviation: String(cString: zone), offsetSeconds: local.tm_gmtoff)
    }
}
