#include <charconv>
#include <optional>
#include <rgrid/base/text.hpp>

#include "config/own_text.hpp"
#include "config/scalar.hpp"

namespace rgrid::config::detail {

namespace {

constexpr int max_depth = 32;

class OwnTextReader {
public:
    explicit OwnTextReader(std::string_view text) : left_(text) {}

    [[nodiscard]] bool ended() const { return left_.empty(); }

    bool read(Type const& type, void* object, void const* low, void const* high, int depth) {
        if (depth >= max_depth) return false;
        switch (type.kind) {
            case Kind::record: return read_record(type, object, depth);
            case Kind::list: return read_list(type, object, depth);
            case Kind::map: return read_map(type, object, depth);
            case Kind::optional:
                if (take("null")) return type.clear(object), true;
                return read(type.element(), type.append(object), low, high, depth);
            default: return read_scalar(type, object) && in_range(type, object, low, high);
        }
    }

private:
    bool take(char c) {
        if (!left_.starts_with(c)) return false;
        left_.remove_prefix(1);
        return true;
    }

    bool take(std::string_view word) {
        if (!left_.starts_with(word)) return false;
        left_.remove_prefix(word.size());
        return true;
    }

    bool read_record(Type const& type, void* object, int depth) {
        if (!take('{')) return false;
        std::size_t next = 0;
        for (bool first = true; !take('}'); first = false) {
            if ((!first && !take(',')) || !read_string() || !take(':')) return false;
            // In the order of their declaration; those that an older version did not know are missing.
            while (next < type.members.size() && string_ != type.members[next].name) ++next;
            if (next == type.members.size()) return false;
            auto const& member = type.members[next++];
            auto const& inner = member.type();
            if (!read(inner, member.of(object), inside(inner, readable(member.low)).object,
                      inside(inner, readable(member.high)).object, depth + 1))
                return false;
        }
        if (type.check == nullptr) return true;
        Problems problems;
        type.check(object, problems, {});
        return problems.empty();
    }

    bool read_list(Type const& type, void* object, int depth) {
        if (!take('[')) return false;
        type.clear(object);
        for (bool first = true; !take(']'); first = false) {
            if (!first && !take(',')) return false;
            if (!read(type.element(), type.append(object), nullptr, nullptr, depth + 1)) return false;
        }
        return true;
    }

    bool read_map(Type const& type, void* object, int depth) {
        if (!take('{')) return false;
        type.clear(object);
        std::optional<std::string> before;
        for (; !take('}');) {
            if ((before && !take(',')) || !read_string() || !take(':')) return false;
            if (before && string_ <= *before) return false;  // A name given twice is an error.
            before = string_;
            if (!read(type.element(), type.insert(object, *before), nullptr, nullptr, depth + 1)) return false;
        }
        return true;
    }

    bool read_scalar(Type const& type, void* object) {
        if (is_text(type.kind)) return read_string() && parse_scalar(type, object, string_);
        auto const end = left_.find_first_of(",}]");
        auto const word = left_.substr(0, end);
        left_.remove_prefix(word.size());
        if (type.kind == Kind::boolean) return parse_scalar(type, object, word);
        return is_printed_number(word) && parse_scalar(type, object, word);
    }

    /// A number in a form that JSON has; what else it could be is left to the general reader.
    static bool is_printed_number(std::string_view word) {
        auto const digits = word.starts_with('-') ? word.substr(1) : word;
        if (digits.empty() || digits.front() < '0' || digits.front() > '9') return false;
        if (digits.front() == '0' && digits.size() > 1 && digits[1] != '.') return false;
        if (word == "-0" || word.ends_with('.')) return false;
        auto const point = digits.find('.');
        return point == std::string_view::npos ||
               (point + 1 < digits.size() && digits[point + 1] >= '0' && digits[point + 1] <= '9');
    }

    /// Into string_.
    bool read_string() {
        if (!take('"')) return false;
        string_.clear();
        while (!left_.empty()) {
            auto const c = left_.front();
            if (c == '"') return left_.remove_prefix(1), true;
            if (c == '\\') {
                if (!read_escape()) return false;
                continue;
            }
            if (static_cast<unsigned char>(c) < 0x20) return false;
            auto const length = character_length(left_);
            if (length == 0) return false;
            string_ += left_.substr(0, length);
            left_.remove_prefix(length);
        }
        return false;
    }

    bool read_escape() {
        constexpr std::string_view written = "\"\\bfnrt";
        constexpr std::string_view meant = "\"\\\b\f\n\r\t";
        auto const which = left_.size() > 1 ? written.find(left_[1]) : std::string_view::npos;
        if (which == std::string_view::npos) return false;
        string_ += meant[which];
        left_.remove_prefix(2);
        return true;
    }

    std::string_view left_;
    std::string string_;
};

}  // namespace

bool read_own_text(std::string_view text, Type const& type, void* object) {
    OwnTextReader reader{text};
    return reader.read(type, object, nullptr, nullptr, 0) && reader.ended();
}

}  // namespace rgrid::config::detail
