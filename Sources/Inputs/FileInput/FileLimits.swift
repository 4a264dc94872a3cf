// What the system allows the file inputs: descriptors and inotify watches.

internal import Platform
internal import Synchronization

/// Descriptors for log files, of all inputs of the agent together.
final class DescriptorBudget: Sendable {
    /// The process's own.
    static let shared = DescriptorBudget(descriptorLimit: openFileLimit())

    let limit: Int
    private let used = Atomic<Int>(0)

    /// Half of them: the rest is for connections, collectors and libraries.
    init(descriptorLimit: Int) { limit = max(8, descriptorLimit / 2) }

    var isSpent: Bool { used.load(ordering: .relaxed) >= limit }
    var isOverdrawn: Bool { used.load(ordering: .relaxed) > limit }

    func add(_ count: Int) { used.add(count, ordering: .relaxed) }
}

/// Passed in, so that a test reaches them, or gives an error when a file is looked at.
struct FileLimits {
    var descriptors: DescriptorBudget = .shared
    var watches = Int.max
    /// False as where `fs.inotify.max_user_instances` is reached.
    var hasINotify = true
    /// Reads the bytes by which files are told apart.
    var reader = TextReader.fromDisk
    /// By which work without records ends in time.
    var clock: @Sendable () -> Instant = { Instant.now }
}
