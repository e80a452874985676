#include "adapters/http/certificate.hpp"

#include <sys/stat.h>

namespace rgrid::http {

Certificate::Marks Certificate::marks() const {
    Marks marks{};
    for (std::size_t i = 0; i < marks.size(); ++i) {
        struct stat status {};
        if (::stat((i == 0 ? certificate_ : key_).c_str(), &status) != 0) continue;
        marks[i] = {static_cast<std::int64_t>(status.st_dev), static_cast<std::int64_t>(status.st_ino),
                    static_cast<std::int64_t>(status.st_size), static_cast<std::int64_t>(status.st_mtim.tv_sec),
                    static_cast<std::int64_t>(status.st_mtim.tv_nsec)};
    }
    return marks;
}

Result<> Certificate::load_locked() {
    tried_ = marks();  // Before the files are read: what changes meanwhile is read once more.
    auto loaded = load_identity(certificate_, key_);
    if (!loaded) {
        standing_.problem = loaded.error().message;
        return loaded.error();
    }
    context_ = std::move(loaded->context);
    standing_ = {standing_.loads + 1, loaded->until, {}};
    return {};
}

Result<> Certificate::load() {
    if (certificate_.empty()) return {};
    std::scoped_lock const lock{mutex_};
    return load_locked();
}

Result<> Certificate::look() {
    if (certificate_.empty()) return {};
    std::scoped_lock const lock{mutex_};
    return tried_ == marks() ? Result<>{} : load_locked();
}

TlsContext Certificate::context() const {
    std::scoped_lock const lock{mutex_};
    return context_;
}

Certificate::Standing Certificate::standing() const {
    std::scoped_lock const lock{mutex_};
    return standing_;
}

}  // namespace rgrid::http
