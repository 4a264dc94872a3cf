// Where the host's files are: a test, or a container, points it elsewhere.

/// The directories of `host` in the settings, without a slash at the end.
package struct Host: Sendable {
    package var proc: String
    package var sys: String
    /// The root of the host's file system, for mount points.
    package var root: String
    /// udev's data base, `/run/udev/data`.
    package var udev: String

    package init(proc: String = "/proc", sys: String = "/sys", root: String = "/", udev: String = "/run/udev/data") {
        self.proc = Self.trimmed(proc)
        self.sys = Self.trimmed(sys)
        self.root = Self.trimmed(root)
        self.udev = Self.trimmed(udev)
    }

    private static func trimmed(_ path: String) -> String {
        path.utf8.count > 1 && path.hasSuffix("/") ? trimmed(String(path.dropLast())) : path
    }
}
