// SPDX-License-Identifier: GPL-2.0-only
/*
 * mqgate's check of the first bytes of a CONNECT as a direct-action classifier of tc: the same
 * parser, on the sk_buff that the driver has made. Attached by peer.sh; no maps.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <linux/mqgate.h>
#include <mqgate/mqtt_wire.h>

SEC("tc")
int check(struct __sk_buff *skb)
{
	struct {
		__be64	words[2];
	} head;
	struct mqw_head out;
	struct tcphdr *tcp;
	struct iphdr *ip;
	void *data, *end;

	if (bpf_skb_pull_data(skb, sizeof(struct ethhdr) + sizeof(*ip) + sizeof(*tcp)))
		return TC_ACT_OK;
	data = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	ip = data + sizeof(struct ethhdr);
	tcp = (void *)(ip + 1);
	if ((void *)(tcp + 1) > end || ip->protocol != IPPROTO_TCP || ip->ihl != 5 ||
	    tcp->dest != bpf_htons(MQGATE_PORT_MQTT) || tcp->doff != 5)
		return TC_ACT_OK;
	if (bpf_skb_load_bytes(skb, sizeof(struct ethhdr) + sizeof(*ip) + sizeof(*tcp), &head,
			       sizeof(head)))
		return TC_ACT_OK;
	if (mqw_head_words_check(bpf_be64_to_cpu(head.words[0]), bpf_be64_to_cpu(head.words[1]),
				 sizeof(head), 1 << 20, &out) == MQW_MALFORMED && out.names_mqtt)
		return TC_ACT_SHOT;
	return TC_ACT_OK;
}

char _license[] SEC("license") = "GPL";
