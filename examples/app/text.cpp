#include "app/text.hpp"

#include <algorithm>
#include <cctype>

namespace rgrid::app {

std::string span_text(Duration span) {
    if (span < Duration{0} || span >= 10s) return to_rough_text(span);
    auto const tenths = (span.count() + 50) / 100;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "s";
}

std::string elapsed_text(char const* before, Instant from, Instant to) {
    return to < from ? std::string{} : before + span_text(to - from);
}

std::string without_spans(std::string const& text) {
    std::string result;
    for (std::size_t i = 0; i < text.size();) {
        auto const end = text.find_first_not_of("0123456789", i);
        bool const is_span = end != i && end != std::string::npos &&
                             std::string_view{"smhd"}.find(text[end]) != std::string_view::npos &&
                             (end + 1 == text.size() || std::isalpha(static_cast<unsigned char>(text[end + 1])) == 0);
        if (is_span)
            result += '#';
        else
            result += text.substr(i, std::max<std::size_t>(end == std::string::npos ? text.size() - i : end - i, 1));
        i = is_span ? end + 1 : end == std::string::npos ? text.size() : std::max(end, i + 1);
    }
    return result;
}

std::string progress_bar(std::int64_t done, std::int64_t all, int cells) {
    auto const filled = all <= 0 ? 0 : static_cast<int>(done * cells / all);
    std::string bar;
    for (int i = 0; i < cells; ++i) bar += i < filled ? "█" : "░";
    return bar;
}

std::string tame(std::string_view text, std::size_t limit) {
    std::string result;
    std::size_t width = 0;
    for (char const c : text) {
        auto const byte = static_cast<unsigned char>(c);
        if ((byte & 0xC0) != 0x80 && ++width > limit) return result + "…";
        bool const is_blank = byte == '\n' || byte == '\t';
        bool const is_control = byte < 0x20 || byte == 0x7F;
        result += is_blank ? ' ' : is_control ? '?' : c;
    }
    return result;
}

}  // namespace rgrid::app
