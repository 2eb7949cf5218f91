/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h1_fault.c - the table of h1_faults.def.
 */
#include "proxy/http/h1.h"

static const struct {
    uint16_t code;
    const char *reason;
    const char *sentence;
} faults[] = {
    [H1_FINE] = {200, "fine", "nothing is wrong"},
#define H1_FAULT(name, code, reason, sentence) [H1_##name] = {code, reason, sentence},
#include "proxy/http/h1_faults.def"
#undef H1_FAULT
};

uint16_t h1_fault_code(enum h1_fault fault)
{
    return faults[fault].code;
}

const char *h1_fault_reason(enum h1_fault fault)
{
    return faults[fault].reason;
}

const char *h1_fault_sentence(enum h1_fault fault)
{
    return faults[fault].sentence;
}
