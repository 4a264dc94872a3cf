// What the system allows the file inputs: descriptors and inotify watches.

internal import Platform
internal import Synchronization

/// Descriptors for log files, of all inputs of the agent together.
final class DescriptorBudget: Sendable {
    /// The process's own.
    static let shared = DescriptorBudget(descriptorLimit: descriptorLimit)

    let limit: Int
    private let used = Atomic<Int>(0)

    /// A quarter is left for connections, collectors and libraries; no fewer than 64, where there are that many.
    init(descriptorLimit: Int) { limit = max(8, descriptorLimit - max(64, descriptorLimit / 4)) }

    var isSpent: Bool { used.load(ordering: .relaxed) >= limit }
    var isOverdrawn: Bool { used.load(ordering: .relaxed) > limit }

    func add(_ count: Int) { used.add(count, ordering: .relaxed) }
}

/// Passed in, so that a test reaches them.
struct FileLimits {
    var descriptors: DescriptorBudget = .shared
    var watches = Int.max
    /// False as where `fs.inotify.max_user_instances` is reached.
    var hasINotify = true
}
