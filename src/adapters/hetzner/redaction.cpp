#include "adapters/hetzner/redaction.hpp"

#include <algorithm>

namespace rgrid::hetzner {

std::string redacted(std::string_view text, Secret const& secret) {
    constexpr std::size_t telling = 16;
    std::string_view const whole{secret.reveal()};
    if (whole.empty()) return std::string{text};
    auto const beginning = whole.substr(0, std::min(telling, whole.size()));
    std::string shown;
    for (;;) {
        auto const at = text.find(beginning);
        shown += text.substr(0, at);
        if (at == std::string_view::npos) return shown;
        text.remove_prefix(at);
        std::size_t length = beginning.size();
        while (length < whole.size() && length < text.size() && text[length] == whole[length]) ++length;
        text.remove_prefix(length);
        shown += "***";
    }
}

}  // namespace rgrid::hetzner
