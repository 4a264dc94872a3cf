// What the name of a control group says: the unit of systemd, the container and the pod. These are conventions of
// systemd (https://systemd.io/CGROUP_DELEGATION/), of container engines and of the kubelet.
//
//     /system.slice/ssh.service
//     /system.slice/docker-<64 digits>.scope                                 /docker/<64 digits>
//     /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid>.slice/cri-containerd-<64 digits>.scope
//     /kubepods/burstable/pod<uid>/<64 digits>

internal import Bytes

struct CgroupIdentity: Equatable {
    /// The 64 digits of a container.
    var container = ""
    /// The uid of a pod, with hyphens.
    var pod = ""
    /// `docker`, `containerd`, `cri-o`, `podman`; empty when the name does not tell.
    var runtime = ""
    /// Its last part, when it is a unit of systemd.
    var unit = ""

    var isEmpty: Bool { self == CgroupIdentity() }

    private static let runtimes = [
        ("docker-", "docker"), ("cri-containerd-", "containerd"), ("crio-", "cri-o"), ("libpod-", "podman"),
    ]
    private static let unitKinds = [".service", ".scope", ".slice", ".socket", ".mount", ".swap"]
    private static let containerDigits = 64

    init() {}

    init(path: String) {
        let parts = path.split(separator: "/")
        guard let last = parts.last else { return }
        if Self.unitKinds.contains(where: { last.hasSuffix($0) }) { unit = String(last) }
        for part in parts {
            if let uid = Self.pod(part) { pod = uid }
        }
        let name = last.hasSuffix(".scope") ? last.dropLast(".scope".utf8.count) : last
        if Self.isContainer(name) {
            container = String(name)
            if parts.count > 1, parts[parts.count - 2] == "docker" { runtime = "docker" }
        }
        for (start, engine) in Self.runtimes where name.hasPrefix(start) {
            let rest = name.dropFirst(start.utf8.count)
            guard Self.isContainer(rest) else { continue }
            container = String(rest)
            runtime = engine
        }
    }

    private static func isContainer(_ name: Substring) -> Bool {
        name.utf8.count == containerDigits && name.utf8.allSatisfy { $0.hexadecimalDigit != nil }
    }

    /// `pod<uid>`, or `kubepods-burstable-pod<uid>.slice` with `_` for the hyphens of the uid.
    private static func pod(_ part: Substring) -> String? {
        var rest = part
        if part.hasSuffix(".slice"), part.hasPrefix("kubepods-") {
            rest = part.dropFirst("kubepods-".utf8.count).dropLast(".slice".utf8.count)
            if let hyphen = rest.firstIndex(of: "-") { rest = rest[rest.index(after: hyphen)...] }
        }
        // Static pods have a hash for their uid: 32 digits without hyphens.
        guard rest.hasPrefix("pod"), rest.utf8.count >= 3 + 32 else { return nil }
        let uid = rest.dropFirst(3).map { $0 == "_" ? "-" : $0 }
        guard uid.allSatisfy({ $0 == "-" || $0.isHexDigit }) else { return nil }
        return String(uid)
    }
}
