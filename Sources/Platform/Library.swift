// Whether a library that is opened at run time is there. See dlopen(3).

internal import Glibc

/// The reason when `name`, as in `libcurl.so.4`, cannot be loaded; nil when it can. What was loaded stays loaded.
package func loadProblem(ofLibrary name: String) -> String? {
    guard unsafe dlopen(name, RTLD_LAZY) == nil else { return nil }
    guard let message = unsafe dlerror() else { return "unknown reason" }
    return unsafe String(cString: message)
}
