#include "adapters/postgres/array.hpp"

#include "adapters/postgres/params.hpp"

namespace rgrid::postgres {

namespace {

void append_hex(std::string& to, std::string_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    auto const start = to.size();
    to.resize(start + 2 * bytes.size());
    auto* out = to.data() + start;
    for (char const byte : bytes) {
        *out++ = digits[static_cast<unsigned char>(byte) >> 4];
        *out++ = digits[static_cast<unsigned char>(byte) & 15];
    }
}

}  // namespace

void append_value(std::string& to, Blob value) {
    to += "\\x";
    append_hex(to, value.bytes);
}

void append_element(std::string& to, Blob value) {
    to += "\"\\\\x";
    append_hex(to, value.bytes);
    to += '"';
}

void append_quoted(std::string& to, std::string_view text) {
    to += '"';
    while (true) {
        auto const special = text.find_first_of("\"\\");
        to += text.substr(0, special);
        if (special == std::string_view::npos) break;
        to += '\\';
        to += text[special];
        text.remove_prefix(special + 1);
    }
    to += '"';
}

void Params::end() {
    if (unfit_ == 0 && text_.find('\0', starts_.back()) != std::string::npos) unfit_ = starts_.size();
    text_ += '\0';
}

std::vector<char const*> Params::texts() const {
    std::vector<char const*> texts;
    texts.reserve(starts_.size());
    for (auto const start : starts_) texts.push_back(start == null ? nullptr : text_.data() + start);
    return texts;
}

}  // namespace rgrid::postgres
